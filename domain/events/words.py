"""Words that events of several aggregates share."""


def because(reason: str | None) -> str:
    """A reason behind what was done, where one was given."""
    return "" if reason is None else f": {reason}"
