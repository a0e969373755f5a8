"""Which work orders go under a policy, by the index; and what keeps the others."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ....domain.retention import Decision, KeptReason, LegalHolds, RetentionPolicy
from ....projections.retention import KeptRuns, words_of
from ...queries.index.orders import newest_orders, orders_of, runs_of, sources_elsewhere, streams_of
from ...repositories.subjects import load_subject
from .parquet_archive import sealed_orders

if TYPE_CHECKING:
    from ...queries.index.reader import Index
    from ...storage.event_store import LedgerEventStore
    from ...storage.removal_table import RemovalTable


class OrderToGo(NamedTuple):
    """A work order that may go, with all its runs."""

    runs: int
    events: int
    """Those of its runs."""
    workflow_id: str


@dataclass(slots=True)
class Kept:
    """How many stay, for one reason."""

    work_orders: int = 0
    runs: int = 0
    example: str = ""

    def add(self, work_order_id: str, runs: int) -> None:
        self.work_orders += 1
        self.runs += runs
        self.example = self.example or work_order_id


@dataclass(slots=True)
class Selection:
    """Which work orders go, the oldest first, and how many stay."""

    going: dict[str, OrderToGo] = field(default_factory=dict[str, OrderToGo])
    kept: dict[KeptReason, Kept] = field(default_factory=dict["KeptReason", Kept])

    def keep(self, work_order_id: str, runs: int, reason: KeptReason) -> None:
        self.kept.setdefault(reason, Kept()).add(work_order_id, runs)

    def take_back(self, work_order_id: str, reason: KeptReason) -> None:
        """Let one stay that was to go."""
        self.keep(work_order_id, self.going.pop(work_order_id).runs, reason)

    def told(self) -> tuple[KeptRuns, ...]:
        """Why the others stay."""
        return tuple(
            KeptRuns(reason, words_of(reason), kept.work_orders, kept.runs, kept.example)
            for reason, kept in sorted(self.kept.items())
        )


def select(
    store: "LedgerEventStore",
    index: "Index",
    table: "RemovalTable | None",
    policy: RetentionPolicy,
    holds: LegalHolds,
    now: int,
) -> Selection:
    """Decide on all work orders that the policy is about."""
    decision, held = Decision(policy, now), held_orders(store, index, holds)
    found = Selection()
    place = None
    while page := newest_orders(index, policy.workflow_id, place):
        sizes = _sizes(index, table, [order.id for _, order, _ in page]) if policy.max_bytes is not None else {}
        going: list[str] = []
        for _, order, events in page:
            why = decision.why_kept(order._replace(bytes=sizes.get(order.id, 0)))
            if order.id in held:
                why = "held"
            if why is None:
                going.append(order.id)
                found.going[order.id] = OrderToGo(order.runs, events, order.workflow_id)
            else:
                found.keep(order.id, order.runs, why)
        if policy.archive_format == "parquet" and table is not None:
            for id in sealed_orders(table, runs_of(index, going)):
                found.take_back(id, "sealed")
        place = page[-1][0]
    _keep_sources(found, index)
    found.going = dict(reversed(found.going.items()))
    return found


def held_orders(store: "LedgerEventStore", index: "Index", holds: LegalHolds) -> Collection[str]:
    """The work orders that legal holds are on."""
    runs = [target.id for target in holds.holds if target.kind == "run"]
    held = orders_of(index, runs) if runs else set[str]()
    for target in holds.holds:
        if target.kind == "subject":
            held.update(load_subject(store, target.id).streams)
    return held


def _sizes(index: "Index", table: "RemovalTable | None", work_order_ids: list[str]) -> Mapping[str, int]:
    if table is None:
        return {}
    runs = runs_of(index, work_order_ids)
    sizes = table.sizes_of(streams_of(runs))
    return {id: sum(sizes.get(stream, (0, 0))[1] for stream in (id, *ids)) for id, ids in runs.items()}


def _keep_sources(found: Selection, index: "Index") -> None:
    """Whatever a run that stays began with stays, too."""
    sources: dict[str, list[str]] = {}
    for source, other in sources_elsewhere(index):
        sources.setdefault(other, []).append(source)
    due = deque(other for other in sources if other not in found.going)
    while due:
        for source in sources.get(due.popleft(), ()):
            if source in found.going:
                found.take_back(source, "source")
                due.append(source)
