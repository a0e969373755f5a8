"""Runs made from earlier ones: what a retry or a fork takes over, and many at once."""
