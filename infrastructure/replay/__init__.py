"""Recorded runs executed again: to verify them, one or many, and to debug a step."""
