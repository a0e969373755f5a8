"""A run as one file for a ticket: what its page shows, without a script, an address or a request."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from .....domain.errors import EventNotReadable, FlowledgerError
from .....domain.run.snapshot import shallow_data
from .....domain.values.clock import moment
from .....projections.audit.build import RunAudit
from .....projections.audit.filed import NO_DIGEST, OWN_DIGEST, report_digest
from .....projections.run_view.json_tree import json_tree
from .....projections.runs.attempts import Attempt, attempts
from ....ledger.ledger import clock_of
from ...presentation.zone import named_zone
from ..read_runs import SCRUBBED, ReadRun, ReadRuns
from ..rendering.clock import PageClock
from ..rendering.environment import environment
from ..rendering.frame import reader_zone
from ..rendering.icons import with_sprite
from ..rendering.json_view import JsonView
from ..rendering.static_files import STATIC
from ..rendering.words import counter
from .copy_as import CopyAs
from .page import Download, File
from .readable_run import as_far_as_it_reads, last_good_run, latest_version, read_run
from .run import event_rows, picture_of
from .run_failure import failure_of
from .run_page import RunPage
from .run_state import RESULTS, ShownState
from .run_step import SelectedStep, whole_step
from .version_facts import read_versions

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger
    from ..requests import Call

WHOLE: Final = 500
"""Attempts that a report has whole: the last ones. It says how many came before them."""
EVENTS: Final = 10_000
"""Events that it lists: the last ones, likewise."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run up to its last event that can be read."""

    run_id: str
    page: RunPage
    """What the page of the run has; its addresses are places in the file."""
    steps: tuple[SelectedStep, ...]
    """The newest first."""
    audit: RunAudit | None
    unaudited: str | None
    """Why there is no audit."""
    made_at: datetime
    zone: tzinfo
    zone_name: str

    @property
    def left_out(self) -> int:
        """Attempts that came before those that are here whole."""
        return len(self.page.course.executions) - len(self.steps)

    @property
    def view(self) -> JsonView:
        """How values are shown: they lead nowhere."""
        return JsonView(rest=f"in the store: flowledger show {self.run_id}")

    @property
    def ended_badly(self) -> int | None:
        """The version of the attempt that is shown open: the one at which the run failed, else the last one."""
        failure = self.page.failure
        shown = {step.attempt.version for step in self.steps}
        if failure is not None and failure.version in shown:
            return failure.version
        return max(shown, default=None)


def load_report(ledger: Ledger, run_id: str, zone: tzinfo, zone_name: str) -> Report:
    """What the report of a run says, by now. Raises RunNotFound; EventNotReadable where its first event can't be."""
    return as_far_as_it_reads(run_id, lambda damage: _load(ledger, run_id, zone, zone_name, damage))


def _load(ledger: Ledger, run_id: str, zone: tzinfo, zone_name: str, damage: EventNotReadable | None) -> Report:
    now = moment(clock_of(ledger)())
    run, workflow, read = read_run(ledger, ReadRuns(), run_id, now, damage)
    if run.version != read.head:  # it went on between the two: the report is of one version
        run = ledger.runs.get(run_id, read.head)
    failure = failure_of(ledger, run, read)
    last = {done.node_id: done.version for done in read.course.executions}
    page = RunPage(
        run=run,
        version=read.head,
        asked={},
        address=lambda **place: f"#v{place.get('version') or last[place['step']]}",
        ways=CopyAs("", f"flowledger show {run_id}@{read.head}", ""),
        chip=read_versions(ledger, [(run.workflow_id, run.workflow_version)]).get(
            (run.workflow_id, run.workflow_version)
        ),
        latest=latest_version(ledger, run.workflow_id),
        picture=picture_of(
            ledger, workflow, read, read.head, None if failure is None else failure.node_id, lambda id: f"#v{last[id]}"
        ),
        read=read,
        events=event_rows(read, max(1, read.head - EVENTS + 1), read.head),
        state=_state(read),
        snapshot=read.walk.snapshot(read.head),
        selected=None,
        failure=failure,
        good=last_good_run(ledger, run),
        acts=(),
        damage=damage,
    )
    audit, unaudited = _audit(ledger, run_id, read.head)
    steps = tuple(whole_step(done, read, workflow) for done in _last_attempts(read))
    return Report(run_id, page, steps, audit, unaudited, now, zone, zone_name)


def _state(read: ReadRun) -> ShownState:
    """The state at the last version, and no other."""
    tree = json_tree(shallow_data(read.walk.snapshot(read.head)), newest=None if read.head <= SCRUBBED else RESULTS)
    return ShownState(tree, frozenset(), frozenset(), None, read.head, None)


def _last_attempts(read: ReadRun) -> list[Attempt]:
    """The attempts that are shown whole, the newest first."""
    executions = read.course.executions
    if not executions:
        return []
    before = executions[-WHOLE - 1].version if len(executions) > WHOLE else 1
    found = list(attempts(read.walk.events(before, read.head)))
    return found[: -WHOLE - 1 : -1]


def _audit(ledger: Ledger, run_id: str, version: int) -> tuple[RunAudit | None, str | None]:
    """The audit at the version, or why there is none: what the run refers to may be damaged where it isn't."""
    try:
        return ledger.history.audit(run_id, version=version), None
    except FlowledgerError as error:
        return None, str(error)


def draw_report(report: Report) -> bytes:
    """The file: HTML, with the look of the pages in it."""
    style = _style()
    html = (
        environment()
        .get_template("report.html")
        .render(
            page=report.page,
            report=report,
            clock=PageClock(report.made_at, report.zone),
            unique=counter(),
            own_digest=Markup(OWN_DIGEST.format(NO_DIGEST)),  # noqa: S704 - of ours
            style=style,
            policy=f"default-src 'none'; style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        )
    )
    whole = with_sprite(html)
    return whole.replace(OWN_DIGEST.format(NO_DIGEST), OWN_DIGEST.format(report_digest(whole)), 1).encode()


def make_report(ledger: Ledger, run_id: str, *, zone: str = "UTC") -> bytes:
    """Return a run as one HTML file for a ticket: what its page shows, without a script, an address or a request.

    It goes as far as the run's events can be read, and says so. Values from globals are masked, as on record; digests
    of the run's events and of its audit are in it. Times are shown in the time zone of the name ``zone``.

    Raises RunNotFound, InvalidRequest (no such zone), EventNotReadable (the run's first event, or its workflow's, can't
    be read), StorageUnavailable.
    """
    return draw_report(load_report(ledger, run_id, named_zone(zone, "zone"), zone))


@cache
def _style() -> Markup:
    """The look of all pages."""
    return Markup((STATIC / "flowledger.css").read_text(encoding="utf-8"))  # noqa: S704 - of ours


def _download(call: Call) -> File:
    run_id = call.part("run")
    zone, name = reader_zone(call.request.cookies)
    report = load_report(call.ledger, run_id, zone, name)
    return File(f"run-{run_id}.html", "text/html; charset=utf-8", draw_report(report))


DOWNLOADS: Final = (Download("/runs/{run}/report.html", "report", "viewer", _download),)
