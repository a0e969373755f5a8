"""Workflow definitions as files, in a layout made for version control: the same definition gives the same bytes."""

from .read_definition import parse_json, read_definition, read_text, text_of
from .write_definition import Format, write_definition

__all__ = ["Format", "parse_json", "read_definition", "read_text", "text_of", "write_definition"]
