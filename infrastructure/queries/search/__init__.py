"""Searching runs by words and by values, off the write path."""
