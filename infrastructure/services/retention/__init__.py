"""Taking away what is old, under policies."""
