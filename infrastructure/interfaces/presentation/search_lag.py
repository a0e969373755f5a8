"""What is said of a search that doesn't know all events yet."""

import sys


def furthest_behind(*seconds: float | None) -> float | None:
    """For how long a search of several pages was behind at most; None where nothing was searched for."""
    return max((each for each in seconds if each is not None), default=None)


def tell_behind(seconds: float | None) -> None:
    """Tell people that something may be missing; nothing where the search knew all."""
    if seconds:
        print(f"note: {told_behind(seconds)}", file=sys.stderr)


def told_behind(seconds: float) -> str:
    """The sentence."""
    return (
        f"the search does not know the last {_rounded(seconds)} of events yet, so runs may be missing: ask again, "
        "or let somebody search who may write to the store"
    )


def _rounded(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 1 else "second"
