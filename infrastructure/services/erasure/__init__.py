"""Erasing the data of subjects."""
