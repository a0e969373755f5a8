"""Workflow definitions as files, in a layout made for version control: the same definition gives the same bytes."""

from .base import Base, read_base, remember_base
from .definition_reader import decode_text, parse_json, read_definition, read_text
from .definition_writer import Format, write_definition

__all__ = [
    "Base",
    "Format",
    "decode_text",
    "parse_json",
    "read_base",
    "read_definition",
    "read_text",
    "remember_base",
    "write_definition",
]
