"""Ledgers for tests, and recorded runs executed again in one."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...domain.errors import reduce_error
from ...domain.execution.executors import ExecutorRegistry
from ...domain.values.clock import Clock
from ...projections.replay.divergence import Divergence
from ...projections.replay.report import ReplayReport
from ..ledger.ledger import Ledger
from ..ledger.open import open_ledger
from .clock import ManualClock


def memory_ledger(executors: ExecutorRegistry | None = None, clock: Clock | None = None) -> Ledger:
    """An empty ledger in memory, which keeps all promises of the others but to last.

    Its time stands still, unless ``clock`` moves: what a test records is the same each time, but for the ids.
    """
    return open_ledger("memory:", executors, ManualClock() if clock is None else clock)


class Diverged(AssertionError):
    """A recorded run goes another way today."""

    def __init__(self, case: Path, run_id: str, divergence: Divergence) -> None:
        self.divergence = divergence
        super().__init__(f"{case}: run {run_id} goes another way: {divergence.kind}: {divergence}")

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_error(self)


def replay_case(
    path: str | Path,
    executors: ExecutorRegistry,
    *,
    effects: Collection[str] = (),
    globals: Mapping[str, Any] | None = None,
    ignore_code: bool = False,
) -> ReplayReport:
    """Execute the steps of an exported run again, in memory, and compare them with what was recorded.

    ``effects`` names types of executors that have effects and are executed all the same; ``globals`` are never
    recorded, so give those that the steps need. ``ignore_code``: results that are taken from the record count also
    where the code behind them has changed since. Raises Diverged, an AssertionError that names the first step that
    differs, and InvalidRequest or InvalidExport for a file that can't be read.
    """
    with open_ledger("memory:", executors) as ledger:
        run_id = ledger.history.import_(path).run_id
        report = ledger.history.replay(run_id, effects=effects, globals=globals, ignore_code=ignore_code)
    if report.divergence is not None:
        raise Diverged(Path(path), run_id, report.divergence)
    return report
