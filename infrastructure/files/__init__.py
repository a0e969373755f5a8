"""Workflow definitions as files, in a layout made for version control: the same definition gives the same bytes."""
