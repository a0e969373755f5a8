"""Text that is shown: characters that terminals and browsers obey are written as escapes.

Recorded text comes from anywhere. One set of characters is defined here: it is escaped where text is shown, and
refused in names.
"""

import re
from reprlib import Repr

CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: what terminals take for commands
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # what turns the order of the text around it
    "\u2028\u2029\ufff9-\ufffb"  # line and paragraph separators, annotations
    "\ud800-\udfff]"  # lone surrogates, which are no Unicode
)

CONTROL_CHARACTERS_IN_LINES = re.compile(CONTROL_CHARACTERS.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
"""The same without line feeds and tabs."""


def visible(text: str) -> str:
    """The text in one line, its steering characters as Python escapes them: ``\\x1b``, ``\\u202e``."""
    return text if text.isascii() and text.isprintable() else CONTROL_CHARACTERS.sub(_escape, text)


def visible_lines(text: str) -> str:
    """The same of a text of several lines: line feeds and tabs stay."""
    return text if text.isascii() and text.isprintable() else CONTROL_CHARACTERS_IN_LINES.sub(_escape, text)


def visible_json(text: str) -> str:
    """JSON text that has the same value, and no steering characters but the line feeds between its parts."""
    return text if text.isascii() and "\x7f" not in text else CONTROL_CHARACTERS_IN_LINES.sub(_escape_in_json, text)


def quoted(value: object) -> str:
    """A value as errors quote it: its repr, escaped, and limited in length and depth."""
    return visible(_QUOTING.repr(value))


class _Quoting(Repr):
    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # more digits than Python writes
            return f"<an integer of {x.bit_length():,} bits>"


_QUOTING = _Quoting()
_QUOTING.maxstring = _QUOTING.maxother = 200
_QUOTING.maxlist = _QUOTING.maxtuple = _QUOTING.maxdict = _QUOTING.maxset = 4
_QUOTING.maxlevel = 3


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _escape_in_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"  # all of them stand inside of strings, as JSON text has none elsewhere
