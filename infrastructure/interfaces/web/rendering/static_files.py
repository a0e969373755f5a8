"""The files that pages refer to, and what makes their addresses change when they do."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent.parent / "static"


@cache
def digest_of(path: str) -> str:
    """The beginning of a file's digest: as part of its address it lets browsers keep the file for ever."""
    return sha256((STATIC / path).read_bytes()).hexdigest()[:12]
