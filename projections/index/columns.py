"""Values of the index in the form that the columns of every database hold."""

from typing import Any, Final

from ...domain.values.clock import EARLIEST, LATEST

KEY_LENGTH: Final = 200
"""Characters of an actor, node or error type that are kept: an entry of a database's index holds no more."""

LONGEST_NAME: Final = 1_024
"""Characters of an id: a database's index holds no more, and no stream has a longer one."""

_LARGEST: Final = 2**63 - 1


def key(text: str) -> str:
    """The text as indexed columns hold it, and as filters must ask for it."""
    return text[:KEY_LENGTH].replace("\0", "\ufffd")


def id_column(text: Any) -> str:
    """Raises TypeError, ValueError for what is no id."""
    if len(text) > LONGEST_NAME:
        raise ValueError(f"an id of {len(text):,} characters")
    return text.replace("\0", "\ufffd")  # type: ignore[no-any-return]


def row_time(at: Any) -> int:
    """Times that no calendar holds become the first or the last one. Raises TypeError for what is no time."""
    if type(at) is not int:
        raise TypeError(f"{at!r} is no time")
    return at if EARLIEST <= at <= LATEST else LATEST if at > 0 else EARLIEST


def count_column(number: Any) -> int:
    """Raises TypeError, ValueError for what doesn't count anything."""
    if not 0 <= number <= _LARGEST or type(number) is not int:
        raise ValueError(f"{number!r} is no count")
    return number


def rank_column(number: Any) -> int:
    """Raises TypeError, ValueError for what ranks nothing."""
    if not -_LARGEST <= number <= _LARGEST or type(number) is not int:
        raise ValueError(f"{number!r} is no priority")
    return number


def optional_key(text: str | None) -> str | None:
    return None if text is None else key(text)


def text_column(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "\ufffd")
