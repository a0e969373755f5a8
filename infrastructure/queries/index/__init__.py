"""Reading the index, and rebuilding it."""
