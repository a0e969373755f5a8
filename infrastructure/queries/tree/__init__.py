"""The tree over all events, as it follows the log."""
