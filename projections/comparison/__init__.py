"""Differences: between JSON values, snapshots, workflow versions and runs."""
