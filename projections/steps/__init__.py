"""Attempts at nodes and failures over all runs: the rows of their lists, and how these are shown."""
