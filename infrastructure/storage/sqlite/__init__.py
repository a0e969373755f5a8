"""The backend on SQLite."""
