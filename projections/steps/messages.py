"""What messages of errors have in common: their text without what varies from one failure to the next."""

import re
from typing import Final

from ..index.columns import KEY_LENGTH

VARIABLE: Final = "…"
"""Stands for what varies."""

_READ = 2_000
"""Characters of a message that are looked at."""

_QUOTED = r"""(?<!\w)(?:'[^'\n]*'|"[^"\n]*"|`[^`\n]*`|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|‘[^’\n]*’)(?!\w)"""
_ADDRESS = r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_WITH_A_DIGIT = r"(?<![\w-])[\w-]*\d[\w-]*"
_HEXADECIMAL = r"(?<![\w-])[0-9a-fA-F]{8,}(?![\w-])"

_VARIES = re.compile(f"({_QUOTED})|(?:{_ADDRESS}|{_HEXADECIMAL}|{_WITH_A_DIGIT})")
_JOINED = re.compile(rf"{VARIABLE}(?:[.,:;/+-]{VARIABLE})+")
_LISTED = re.compile(rf"(['\"`]?){VARIABLE}\1(?:,? \1{VARIABLE}\1)+")


def general_message(message: str) -> str:
    """The message in one line, with ``…`` for each quoted value, word with a digit, address, and list of such.

    Two failures are of one kind where this is equal. At most KEY_LENGTH characters of it are kept, and the cost is
    bounded however long the message is.
    """
    line = " ".join(message[:_READ].split())
    line = _VARIES.sub(_without_value, line)
    line = _LISTED.sub(rf"\1{VARIABLE}\1", _JOINED.sub(VARIABLE, line))
    return line if len(line) <= KEY_LENGTH else f"{line[: KEY_LENGTH - 1]}{VARIABLE}"


def _without_value(found: re.Match[str]) -> str:
    quoted = found[1]
    return f"{quoted[0]}{VARIABLE}{quoted[-1]}" if quoted else VARIABLE
