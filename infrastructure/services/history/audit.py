"""Reading what an audit is made of: a run's stream and those that it refers to, checked along their hash chains."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from ....domain.errors import StorageCorrupt, VersionNotFound
from ....domain.events.integrity import Finding
from ....domain.ports import EventStore, RecordedEvent
from ....domain.run import CLAIMS, STARTED, RunHeader
from ....domain.status import RunStatus
from ....domain.values.ids import workflow_stream
from ....domain.values.point_in_time import AsOf, AtVersion, Moment
from ....projections.audit.build import RunAudit, audit_of, audited_work_order, stream_record
from ....projections.audit.globals_given import compare_globals
from ....projections.audit.model import Provenance, SinceSuccess, StreamRecord
from ....projections.audit.since_success import since_success
from ....projections.index.query import Place, RunQuery
from ....projections.index.rows import RunRow
from ...queries.index.reader import Index
from ...repositories.as_of import event_at, version_as_of, version_at_position
from ...repositories.missing import missing_run
from ...repositories.origins import origin_in, sources
from ...repositories.runs import RunRepository
from ...repositories.work_orders import run_input

HeaderOf = Callable[[str, int | None], RunHeader]
"""From a run's id and a version (None: now) to where it stood."""


class Auditor:
    """Audits runs. Other streams are read as they were when the run was at the version that is asked for."""

    def __init__(self, store: EventStore, index: Index, runs: RunRepository, header_of: HeaderOf) -> None:
        self._store = store
        self._index = index
        self._runs = runs
        self._header_of = header_of

    def audit(self, run_id: str, moment: Moment, work_order_version: int | None = None) -> RunAudit:
        """The audit of a run at a moment. Raises RunNotFound, VersionNotFound, NothingAsOf, EventNotReadable.

        ``work_order_version``: with what had come to its work order by then.
        """
        run = self._read_run(run_id, moment)
        started = run.events[0]
        cut = run.events[-1].position if isinstance(moment, (AtVersion, AsOf)) else None
        work_order = self._read_work_order(started, cut, work_order_version)
        if work_order_version is not None:
            cut = max(run.events[-1].position, work_order.events[-1].position)
        past = self._read_sources(started)
        workflow, version = workflow_stream(started.data["workflow_id"]), started.data["workflow_version"]
        # Its digest depends on the event before it. Checking earlier events is the task of verify.
        save = self._read_checked(workflow, version, after=max(0, version - 2))
        known = {event.version: event for event in save.events}
        first, saved = (known.get(place) or event_at(self._store, workflow, place) for place in (1, version))
        streams = (run, work_order, *past)
        return audit_of(
            self._runs.state_before(started),
            run.events,
            chain.from_iterable(source.events for source in past),
            saved,
            input=run_input(self._store, run_id, started.data),
            work_order=audited_work_order(work_order.events, self._statuses(work_order.events, cut, run.events[-1])),
            since_success=self._since_success(run.events, saved),
            provenance=Provenance(
                streams=(
                    *(_record(stream) for stream in streams),
                    stream_record(first, saved, events=saved.version, checked=False),
                ),
                findings=tuple(finding for stream in (*streams, save) for finding in stream.findings),
            ),
        )

    def _read_run(self, run_id: str, moment: Moment) -> "CheckedStream":
        """The run up to a moment."""
        upto = None
        if isinstance(moment, AsOf):
            head = self._head(run_id)
            upto = version_as_of(self._store, run_id, head, moment.time, _subject(run_id))
        elif isinstance(moment, AtVersion):
            upto = moment.version
        run = self._read_checked(run_id, upto)
        if upto is not None and (not run.events or run.events[-1].version < upto):
            raise VersionNotFound(upto, self._head(run_id), _subject(run_id))
        if not run.events or run.events[0].type != STARTED:
            raise missing_run(self._store, run_id)
        return run

    def _read_work_order(self, started: RecordedEvent, cut: int | None, upto: int | None) -> "CheckedStream":
        """The run's work order, as it was at a version, or when the log had reached a position."""
        run_id, work_order_id = started.stream, started.data["correlation_id"]
        work_order = self._read_checked(work_order_id)

        def had_come(event: RecordedEvent) -> bool:
            if upto is not None:
                return event.version <= upto
            return cut is None or event.position <= cut

        events = [event for event in work_order.events if had_come(event) or _adds(event, run_id)]
        if not events:
            raise StorageCorrupt(
                f"the work order {work_order_id!r} of run {run_id!r} is missing: verify tells what else is"
            )
        return CheckedStream(
            events, [finding for finding in work_order.findings if finding.version <= events[-1].version]
        )

    def _read_sources(self, started: RecordedEvent) -> list["CheckedStream"]:
        """The runs whose results this one began with, oldest first, each up to the version that was reused."""
        past = sources(self._store, started.stream, origin_in(started.stream, started.data))
        return [self._read_checked(source["run_id"], source["version"]) for source in reversed(list(past))]

    def _head(self, run_id: str) -> int:
        head = self._store.head(run_id)
        if head == 0:
            raise missing_run(self._store, run_id)
        return head

    def _read_checked(self, stream: str, upto: int | None = None, after: int = 0) -> "CheckedStream":
        """The events of a stream, each checked against the one before it while they are read."""
        # Imported late, as these need the storage libraries, which are loaded once a store is open.
        from ...storage.codec import to_recorded_event
        from ...storage.recorder import EventRow
        from ...storage.verify import Predecessor, check_event

        events: list[RecordedEvent] = []
        findings: list[Finding] = []
        before = Predecessor(stream, version=after)
        for page in self._store.pages(stream, after=after, upto=upto):
            for version, type, encoded, position in page.rows:
                findings += check_event(EventRow(stream, version, position, type, encoded), before)
                events.append(to_recorded_event(stream, version, position, type, encoded, page.decoder.decode_body))
        return CheckedStream(events, findings)

    def _since_success(self, events: Sequence[RecordedEvent], saved: RecordedEvent) -> SinceSuccess | None:
        """What changed since the last run of the workflow that had succeeded before the one of these events began."""
        started, claims = events[0], [event.data for event in events if "globals" in event.data]
        success = self._last_success(started)
        if success is None:
            return None
        then = self._store.events_at([(success.run_id, 1), (saved.stream, success.workflow_version)])
        past = self._claims(success.run_id) if claims else ()
        return since_success(success, then, (started, saved), compare_globals(past, claims))

    def _claims(self, run_id: str) -> Iterator[Mapping[str, Any]]:
        """What the events say with which a run was claimed. Of the others nothing is decoded."""
        for page in self._store.pages(run_id):
            yield from (page.decoder.decode(row) for row in page.rows if row[1] in CLAIMS)

    def _last_success(self, started: RecordedEvent) -> RunRow | None:
        begun: int = started.data["recorded_at"]
        query = RunQuery(workflow_id=started.data["workflow_id"], status=("completed",))
        place = Place(begun, started.position)
        while rows := self._index.runs(replace(query, before=place), _SUCCESSES_AT_ONCE):
            for row in rows:
                if row.origin in (None, "retry") and row.finished_at is not None and row.finished_at <= begun:
                    return row
            place = Place(rows[-1].started_at, rows[-1].position)
        return None

    def _statuses(
        self, work_order: Sequence[RecordedEvent], cut: int | None, last: RecordedEvent
    ) -> Mapping[str, RunStatus]:
        """The status of each run of a work order, as it was when the log had reached a position.

        ``last`` is the last event of the run that is audited: events behind it aren't looked at, and may be damaged.
        """
        statuses: dict[str, RunStatus] = {}
        for run_id in filter(None, (event.data.get("run_id") for event in work_order)):
            if run_id == last.stream:
                version: int | None = last.version
            else:
                version = None if cut is None else version_at_position(self._store, run_id, self._head(run_id), cut)
            if version != 0:
                statuses[run_id] = self._header_of(run_id, version).status
        return statuses


class CheckedStream(NamedTuple):
    """The events of a stream, and what is wrong with them."""

    events: Sequence[RecordedEvent]
    findings: Sequence[Finding]


def _record(stream: CheckedStream) -> StreamRecord:
    return stream_record(stream.events[0], stream.events[-1], events=len(stream.events), checked=True)


_SUCCESSES_AT_ONCE = 10
"""Completed runs read at once: those that ended later, reproductions and forks don't count."""


def _adds(event: RecordedEvent, run_id: str) -> bool:
    """Whether this event of a work order adds the run: it is part of the commit in which the run begins."""
    return bool(event.data.get("run_id") == run_id)


def _subject(run_id: str) -> str:
    return f"run {run_id!r}"
