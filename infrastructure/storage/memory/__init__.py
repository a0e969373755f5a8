"""The backend in memory."""
