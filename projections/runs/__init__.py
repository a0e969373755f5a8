"""Projections of runs and work orders."""
