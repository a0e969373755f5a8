"""Workflow definitions as files, in a layout made for version control: the same definition gives the same bytes."""

from .definition_reader import decode_text, parse_json, read_definition, read_text
from .definition_writer import Format, write_definition

__all__ = ["Format", "decode_text", "parse_json", "read_definition", "read_text", "write_definition"]
