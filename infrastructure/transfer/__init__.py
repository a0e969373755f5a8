"""Runs as files: exported from one store with all that they refer to, imported into another as they were."""
