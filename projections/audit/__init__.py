"""The audit of one run."""
