"""Workflow definitions as files, in a layout made for version control: the same definition gives the same bytes."""

from .export import Format, write_definition
from .reading import parse_json, read_definition, read_text, text_of

__all__ = ["Format", "parse_json", "read_definition", "read_text", "text_of", "write_definition"]
