"""Readings of runs and work orders."""
