"""Who asks, what they may, and what a browser is told about it."""
