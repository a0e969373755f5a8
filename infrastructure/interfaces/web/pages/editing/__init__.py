"""Editing the latest version of a workflow, and merging what was changed meanwhile."""
