"""Measurements: figures as ratios within one run, medians of interleaved rounds. ``python -m benchmarks``."""
