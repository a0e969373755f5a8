"""Workers, as they are shown."""
