"""The faces of flowledger, and what they share."""
