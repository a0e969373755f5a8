"""The runs that somebody may mean by a part of an id: pages show the end of one, and people type that."""

from typing import Final

from ....domain.errors import FlowledgerError
from ...ledger.ledger import Ledger
from ...queries.index.ids import is_part

_MOST: Final = 5


def runs_near(ledger: Ledger, text: str) -> tuple[str, ...]:
    """Ids of runs that begin or end so, the newest first, at most five; none where the store doesn't answer."""
    part = text.strip()
    try:
        return ledger.history.ids(part, "run", _MOST) if is_part(part) else ()
    except FlowledgerError:
        return ()
