"""A ledger inside a transaction of the caller's."""

from types import TracebackType
from typing import Self

from ...domain.live import Unpicklable
from ..services.runs.service import Runs
from ..services.workflows.service import Workflows
from ..storage.callers import CallersConnection


class Inside(Unpicklable):
    """A ledger inside a transaction of the caller's, from ``ledger.within``: its ``runs`` and its ``workflows``.

    They have the methods that those of the ledger have. Cheap to make; for one transaction, or for several in turn.
    """

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, caller: CallersConnection, runs: Runs, workflows: Workflows) -> None:
        self._caller = caller
        self.runs = runs
        self.workflows = workflows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._caller.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._caller.end()
