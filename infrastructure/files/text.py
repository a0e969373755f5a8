"""Texts and JSON read from files and pipes, up to a limit."""

from pathlib import Path
from typing import Any, BinaryIO

from ...domain.errors import InvalidRequest
from ...domain.values.json_text import read_json
from .paths import open_to_read

MAX_FILE_BYTES = 64 * 2**20
"""The most bytes of a file, and of all code files of one definition together: the limit of a value."""


def read_text(file: Path, limit: int = MAX_FILE_BYTES) -> str:
    """The text of a file or pipe of at most ``limit`` bytes, without a byte order mark. Raises InvalidRequest."""
    try:
        with open_to_read(file) as opened:
            return decode_text(opened, repr(str(file)), limit)
    except OSError as error:
        raise InvalidRequest(f"can't read {str(file)!r}: {error.strerror}") from error


def decode_text(opened: BinaryIO, name: str, limit: int = MAX_FILE_BYTES) -> str:
    """The text of an open file, without a byte order mark. Raises InvalidRequest, and OSError if reading fails."""
    content = opened.read(limit + 1)
    if len(content) > limit:
        raise InvalidRequest(f"can't read {name}: it has more than {limit >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"can't read {name}: it is not UTF-8 text ({error.reason})") from error


def parse_json(text: str, name: str) -> Any:
    """The value of a JSON text. Raises InvalidRequest that says where it isn't JSON."""
    try:
        return read_json(text)
    except ValueError as error:
        raise InvalidRequest(f"{name} is not JSON: {error}") from error
