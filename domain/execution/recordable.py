"""Texts and errors as they are recorded and told: secrets masked, long ones cut."""

from types import TracebackType

from ..masking import LONGEST_FORM, Masker

MAX_ERROR_TEXT = 256 * 1024
"""Characters of an error's message, and of its traceback, that are recorded. A longer one is cut, and says so."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def recordable(text: str, masker: Masker, most: int = MAX_ERROR_TEXT) -> str:
    """The text as it is stored: secrets masked, a long text cut, surrogates escaped."""
    length = len(text)
    # Masked before it is cut: else the beginning of a secret that crosses the cut would stay.
    text = masker.text(text[: most + LONGEST_FORM], most)
    if length > most:
        text = f"{text}… (cut here: {length:,} characters in all)"
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def stand_in(kind: type[BaseException] | str, message: str) -> ExcInfo:
    """What logging takes for an error that can't be shown itself, as its message, notes, causes and the variables in
    its traceback may hold secrets: one whose type is called the same, with this message and no traceback.
    """
    name, named = (kind, {}) if isinstance(kind, str) else (kind.__name__, {"__module__": kind.__module__})
    error = type(name, (Exception,), named)(message)
    return type(error), error, None
