"""Lists of steps and of failures over all runs."""
