"""Finding runs and work orders by a part of their id."""

import re
from typing import Final, Literal

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from ....projections.index.query import Condition
from .reader import Index

IdOf = Literal["run", "work_order"]
"""What has an id that can be found by a part of it."""

SHORTEST: Final = 6
"""Characters that a part of an id has at least."""

WHOLE: Final = 36
"""Characters of an id."""

_PART: Final = re.compile("[0-9a-f-]+", re.ASCII)
_PLACES: Final = {
    "run": ("flowledger_index_runs", "run_id"),
    "work_order": ("flowledger_index_work_orders", "work_order_id"),
}


def ids_like(index: Index, part: str, of: IdOf, limit: int) -> tuple[str, ...]:
    """Ids that begin or end with ``part``, the newest first.

    Raises InvalidRequest for a part that is too short, or that no id has.
    """
    if not isinstance(of, str) or of not in _PLACES:
        raise InvalidRequest(f"of {quoted(of)} is neither 'run' nor 'work_order'")
    if not is_part(part):
        raise InvalidRequest(
            f"{quoted(part)} is no part of an id: name {SHORTEST} characters or more, each a hex digit or a hyphen"
        )
    return tuple(row[0] for row in index.counted(search(part.lower(), of, limit)))


def is_part(part: object) -> bool:
    """Whether an id may begin or end so."""
    return isinstance(part, str) and SHORTEST <= len(part) <= WHOLE and _PART.fullmatch(part.lower()) is not None


def search(part: str, of: IdOf, limit: int) -> Condition:
    """The statement. A beginning is a range of the table's key; for an end, the ids are read one by one."""
    table, column = _PLACES[of]
    return Condition(
        f"SELECT {column} FROM {table} WHERE {column} >= :part AND {column} < :behind\n"  # noqa: S608 - our own columns and tables; values are parameters
        f"UNION SELECT {column} FROM {table} WHERE {column} LIKE :ending\n"
        f"ORDER BY {column} DESC LIMIT :limit",
        {"part": part, "behind": f"{part}g", "ending": f"%{part}", "limit": limit},
    )
