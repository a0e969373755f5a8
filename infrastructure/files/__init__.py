"""Workflow definitions as files, in a layout made for version control: the same definition gives the same bytes."""

from .read_definition import decode_text, parse_json, read_definition, read_text
from .write_definition import Format, write_definition

__all__ = ["Format", "decode_text", "parse_json", "read_definition", "read_text", "write_definition"]
