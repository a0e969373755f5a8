"""References: a work order and its runs, a run and its source and workflow version, a release and its save."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ...domain.errors import EventNotReadable
from ...domain.events.integrity import Finding
from ...domain.run import PAUSED, STARTED, STEP_COMPLETED, STEP_FAILED
from ...domain.values.ids import workflow_stream
from ...domain.values.json_compare import json_digest
from ...domain.work_order import OPENED, RUN_ADDED
from ...domain.workflow import RELEASED, RESTORED, SAVED
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import LAST, EventRow
from .inspector import Inspector

MAX_PENDING = 20_000
"""Mentions that wait for their counterpart. A run and its work order mostly begin in the same millisecond: then they
are neighbours by name, and on the walk. Only the others are looked up."""

VERSIONS_KNOWN = 10_000
"""Versions of workflows that are cached."""


class _Pair(NamedTuple):
    """A work order and a run that belong together."""

    work_order: str
    run: str


class _Mention(NamedTuple):
    """One of the two names the other; the other one must, too."""

    by_run: bool
    version: int
    """Version of the event that names it."""


class _Source(NamedTuple):
    """A run begins with another run's state at a version."""

    run: str
    source: str
    version: int


class _Outcome(NamedTuple):
    """A run has taken the outcome of a step from another run's event."""

    run: str
    version: int
    source: str
    source_version: int
    said: tuple[str, str]
    """By the run: the type of the event, and the digest of what it says that came of the step."""


class ReferenceInspector(Inspector):
    """Every stream that an event names exists up to the named version, and agrees.

    Both sides are written in one commit, or the named one first. So a stream that is looked up after the event that
    names it was read must exist.
    """

    def __init__(self, store: LedgerEventStore) -> None:
        self._store = store
        self._mentions: OrderedDict[_Pair, _Mention] = OrderedDict()
        self._sources: list[_Source] = []
        self._outcomes: list[_Outcome] = []
        self._versions: OrderedDict[tuple[str, int], object] = OrderedDict()

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:
        if data is not None and "recorded" in data:
            return self._taken(row, data)
        return () if data is None or row.type not in _NAMING else self._named_by(row, data)

    def _named_by(self, row: EventRow, data: Mapping[str, Any]) -> Iterator[Finding]:
        if row.type == STARTED and row.version == 1:
            yield from self._begun(row.stream, data)
        elif row.type in (OPENED, RUN_ADDED) and isinstance(run_id := data.get("run_id"), str):
            self._mention(_Pair(row.stream, run_id), _Mention(by_run=False, version=row.version))
        elif row.type in _NAMING_SAVES:
            yield from self._check_saves(row, data)
        if len(self._mentions) > MAX_PENDING:
            yield from self._look_up(MAX_PENDING // 2)
        if len(self._sources) > MAX_PENDING:
            yield from self._look_up_sources()

    def finish(self) -> Iterator[Finding]:
        yield from self._look_up(len(self._mentions))
        yield from self._look_up_sources()
        yield from self._look_up_outcomes()

    def _begun(self, run_id: str, started: Mapping[str, Any]) -> Iterator[Finding]:
        if isinstance(order_id := started.get("correlation_id"), str):
            self._mention(_Pair(order_id, run_id), _Mention(by_run=True, version=1))
        match started.get("origin"):
            case {"run_id": str(source), "version": int(version)} if version > 0:
                self._sources.append(_Source(run_id, source, version))
            case _:
                pass
        yield from self._check_workflow(run_id, started)

    # --- work orders and runs -----------------------------------------------------------------------------------------

    def _mention(self, pair: _Pair, claim: _Mention) -> None:
        other = self._mentions.pop(pair, None)
        if other is None or other.by_run == claim.by_run:
            self._mentions[pair] = claim

    def _look_up(self, count: int) -> Iterator[Finding]:
        """Look up the mentions that wait longest."""
        waiting = [(pair, self._mentions.pop(pair)) for pair in list(islice(self._mentions, count))]
        yield from self._check_named({pair: claim.version for pair, claim in waiting if not claim.by_run})
        yield from self._check_belonging([pair for pair, claim in waiting if claim.by_run])

    def _check_named(self, pairs: Mapping[_Pair, int]) -> Iterator[Finding]:
        """Runs that work orders name."""
        begun = self._first_events({pair.run for pair in pairs})
        for (work_order, run), version in pairs.items():
            if run not in begun:
                yield _reference(work_order, version, f"it names run {run!r}, which isn't in the store")
            elif (data := begun[run]) is not None and data.get("correlation_id") != work_order:
                said = f"which says that it belongs to {data.get('correlation_id')!r}"
                yield _reference(work_order, version, f"it names run {run!r}, {said}")

    def _check_belonging(self, pairs: Iterable[_Pair]) -> Iterator[Finding]:
        """Work orders that runs name."""
        runs: defaultdict[str, set[str]] = defaultdict(set)
        for work_order, run in pairs:
            runs[work_order].add(run)
        for work_order, unnamed in runs.items():
            found = False
            try:
                for row in self._store.rows(work_order):
                    found = True
                    if row.type in (OPENED, RUN_ADDED):
                        unnamed.discard(self._store.body(row).get("run_id", ""))
                    if not unnamed:
                        break
            except EventNotReadable:
                continue  # the work order has another finding
            why = "doesn't name it" if found else "isn't in the store"
            for run in sorted(unnamed):
                yield _reference(run, 1, f"its work order {work_order!r} {why}")

    def _first_events(self, runs: Iterable[str]) -> dict[str, Mapping[str, Any] | None]:
        """The first events of the runs that exist; None where one can't be read."""
        found: dict[str, Mapping[str, Any] | None] = {}
        for row in self._rows_at([(run, 1) for run in runs]):
            try:
                found[row.stream] = self._store.body(row) if row.type == STARTED else {}
            except EventNotReadable:
                found[row.stream] = None
        return found

    # --- what a run begins with, and what it runs ---------------------------------------------------------------------

    def _look_up_sources(self) -> Iterator[Finding]:
        sources, self._sources = self._sources, []
        places = {(source.source, source.version) for source in sources}
        found = {(row.stream, row.version) for row in self._rows_at(sorted(places))}
        for run, source, version in sources:
            if (source, version) not in found:
                said = f"version {version} of run {source!r}"
                yield _reference(run, 1, f"it begins with what there was at {said}, which isn't in the store")

    def _taken(self, row: EventRow, data: Mapping[str, Any]) -> Iterator[Finding]:
        match data["recorded"]:
            case {"run_id": str(source), "version": int(version)}:
                self._outcomes.append(_Outcome(row.stream, row.version, source, version, _said(row, data)))
            case _:
                pass
        if len(self._outcomes) > MAX_PENDING:
            yield from self._look_up_outcomes()

    def _look_up_outcomes(self) -> Iterator[Finding]:
        outcomes, self._outcomes = self._outcomes, []
        said: dict[tuple[str, int], tuple[str, str] | None] = {}
        for row in self._rows_at(sorted({(outcome.source, outcome.source_version) for outcome in outcomes})):
            try:
                said[row.stream, row.version] = _said(row, self._store.body(row))
            except EventNotReadable:
                said[row.stream, row.version] = None  # which has another finding
        for run, version, source, source_version, (type, digest) in outcomes:
            place = f"version {source_version} of run {source!r}"
            if (source, source_version) not in said:
                yield _reference(run, version, f"it took its outcome from {place}, which isn't in the store")
            elif (there := said[source, source_version]) is not None and there[0] == type and there[1] != digest:
                yield _reference(run, version, f"it took its outcome from {place}, which says otherwise")

    def _check_workflow(self, run_id: str, started: Mapping[str, Any]) -> Iterator[Finding]:
        match started:
            case {"workflow_id": str(workflow_id), "workflow_version": int(version), "definition_digest": str(digest)}:
                place = (workflow_stream(workflow_id), version)
            case _:
                return
        saved = self._saved(place)
        if saved is None:
            yield _reference(
                run_id, 1, f"it runs version {version} of workflow {workflow_id!r}, which isn't in the store"
            )
        elif saved is not _UNREADABLE and saved != digest:
            yield _reference(
                run_id, 1, f"it runs another definition than version {version} of workflow {workflow_id!r} is"
            )

    def _check_saves(self, row: EventRow, data: Mapping[str, Any]) -> Iterator[Finding]:
        """The saves that an event of a workflow names; 0 stands for none."""
        for key in _NAMING_SAVES[row.type]:
            version = data.get(key, 0)
            if version and (type(version) is not int or self._saved((row.stream, version)) is None):
                yield _reference(row.stream, row.version, f"its {key} names version {version!r}, which is no save")

    def _saved(self, place: tuple[str, int]) -> object:
        """The digest of a definition; None where there is no such version."""
        if place in self._versions:
            self._versions.move_to_end(place)
            return self._versions[place]
        saved: object = None
        for row in self._rows_at([place]):
            try:
                saved = self._store.body(row).get("digest")
            except EventNotReadable:
                saved = _UNREADABLE
        self._versions[place] = saved
        if len(self._versions) > VERSIONS_KNOWN:
            self._versions.popitem(last=False)
        return saved

    def _rows_at(self, places: Iterable[tuple[str, int]]) -> Iterator[EventRow]:
        rest = filter(_may_be_there, places)
        while part := list(islice(rest, PLACES_AT_ONCE)):
            yield from self._store.rows_at(part)


PLACES_AT_ONCE = 1_000


def _may_be_there(place: tuple[str, int]) -> bool:
    """Whether every database can be queried for such a place: an event may name anything."""
    return "\0" not in place[0] and 0 < place[1] <= LAST


def _said(row: EventRow, data: Mapping[str, Any]) -> tuple[str, str]:
    """The type of a step's event, and the digest of what it says that came of the step.

    A value that can't be kept any more fails the run that took it: that is another type.
    """
    keys = ("node_id", *_OUTCOMES.get(row.type, ()))
    return row.type, json_digest({key: data[key] for key in keys if key in data})


_OUTCOMES = {
    STEP_COMPLETED: ("output", "handle"),
    STEP_FAILED: ("error",),
    PAUSED: ("reason", "until", "answer"),
}

_NAMING_SAVES = {RELEASED: ("version",), SAVED: ("live_version", "restored_version"), RESTORED: ("restored_version",)}
"""Events of a workflow, and their keys that name a save of it."""

_NAMING = frozenset({STARTED, OPENED, RUN_ADDED, *_NAMING_SAVES})

_UNREADABLE = object()


def _reference(stream: str, version: int, message: str) -> Finding:
    return Finding(stream, version, "reference", message)
