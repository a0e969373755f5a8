"""Searching runs by words and by values, off the write path: the indexer follows the log."""
