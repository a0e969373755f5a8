"""The warning that a search doesn't know all events yet."""

import sys


def furthest_behind(*seconds: float | None) -> float | None:
    """The largest lag of a search of several pages, in seconds; None where nothing was searched for."""
    return max((each for each in seconds if each is not None), default=None)


def warn_of_lag(seconds: float | None) -> None:
    """Print a note to stderr that runs may be missing; nothing where the search is up to date."""
    if seconds:
        print(f"note: {describe_lag(seconds)}", file=sys.stderr)


def describe_lag(seconds: float) -> str:
    """The note."""
    return (
        f"the search does not know the last {_round(seconds)} of events yet, so runs may be missing: ask again, "
        "or search from a process that may write to the store"
    )


def _round(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 1 else "second"
