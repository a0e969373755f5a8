"""What chips need of versions. A save never changes, so its facts are read once; which is the latest is asked anew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from .....domain.errors import NotFound, StorageError
from ..rendering.versions import ShownVersion

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger

Versions = dict[tuple[str, int], ShownVersion]
"""By workflow and number; one whose save can't be read is missing."""


class _Fact(NamedTuple):
    snapshot_id: str
    taken_at: datetime


_KEPT: Final = 4_096


class _Facts:
    """Those of one ledger's versions: what was read of the last few thousand, as a page asks for the same again."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], _Fact] = OrderedDict()
        self._lock = Lock()

    def read(self, ledger: Ledger, key: tuple[str, int]) -> _Fact | None:
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
        try:
            saved = ledger.workflows.get(*key)
        except (NotFound, StorageError):  # a page of runs is shown all the same: they are what was asked for
            return None
        fact = _Fact(saved.snapshot_id, saved.taken_at)
        with self._lock:
            self._known[key] = fact
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return fact


_of_ledger: WeakKeyDictionary[Ledger, _Facts] = WeakKeyDictionary()
_making = Lock()


def read_versions(ledger: Ledger, wanted: Iterable[tuple[str, int]]) -> Versions:
    """The versions, given as workflow ids and numbers."""
    with _making:
        known = _of_ledger.setdefault(ledger, _Facts())
    wanted = set(wanted)
    latest = {workflow_id: _latest(ledger, workflow_id) for workflow_id, _ in wanted}
    facts = {key: known.read(ledger, key) for key in wanted}
    return {
        key: ShownVersion(*key, fact.snapshot_id, fact.taken_at, latest[key[0]] == fact.snapshot_id)
        for key, fact in facts.items()
        if fact is not None
    }


def _latest(ledger: Ledger, workflow_id: str) -> str | None:
    """The snapshot id of a workflow's last save."""
    try:
        return ledger.workflows.get(workflow_id).snapshot_id
    except (NotFound, StorageError):
        return None
