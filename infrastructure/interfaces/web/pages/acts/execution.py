"""Who executes a run that a page begins: the process that serves it, or a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .....ledger.ledger import executors_of
from ..query import one_of

if TYPE_CHECKING:
    from ...requests import Call

HERE: Final = "here"
WORKER: Final = "worker"


@dataclass(frozen=True, slots=True)
class Execution:
    """The choice, and what there is to choose from."""

    chosen: str
    """``here`` or ``worker``."""
    is_possible_here: bool
    """Whether this process has executors at all."""
    workers: int
    """How many are alive."""

    @property
    def waits(self) -> bool:
        """As commands take it: whether the call executes the run."""
        return self.chosen == HERE


def execution_of(call: Call) -> Execution:
    """What the form says, or else a worker, where one is alive or this process can't. Raises InvalidRequest."""
    has_executors = executors_of(call.ledger) is not None
    workers = sum(worker.is_worker and worker.is_alive for worker in call.ledger.workers())
    usual = HERE if has_executors and not workers else WORKER
    return Execution(one_of(call.form, "execution", (HERE, WORKER), usual), has_executors, workers)
