"""The rows of History: runs by their work orders, opened to all runs of one, and to the steps of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .....domain.errors import FlowledgerError, NotFound, StorageUnavailable
from .....projections.runs.lineage import RelatedRun
from .....projections.runs.summary import RunSummary
from ..rendering.versions import ShownVersion
from .version_facts import VersionFacts, Versions

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger

_VERSIONS: Final = VersionFacts()


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run in the list."""

    run: RunSummary
    version: ShownVersion | None
    """None where its save can't be read."""


@dataclass(frozen=True, slots=True)
class Order:
    """A work order: those of its runs that are on the page, or, opened, all of them."""

    id: str
    runs: tuple[ShownRun, ...]
    """Newest first."""
    is_open: bool

    @property
    def first(self) -> ShownRun:
        """The newest run, which the row of the work order tells of."""
        return self.runs[0]
