"""A run: where time went, its steps, the state at any version, who set which value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import EventNotReadable, InvalidRequest
from .....domain.visible import quoted
from .....domain.workflow import WorkflowSnapshot
from .....projections.layout import SMALL
from ...presentation.documents import event_document, row_document, run_with
from ...presentation.events import describe_event
from ...presentation.inputs import read_moment
from ..read_runs import ReadRun
from ..rendering.frame import reader_zone
from ..rendering.graph import Picture
from .acts.buttons import run_acts
from .copy_as import CopyAs
from .drawings import draw_version
from .page import Page
from .query import check_names, text, whole
from .readable_run import as_far_as_it_reads, last_good_run, latest_version, read_run
from .run_failure import failure_of
from .run_graph import run_picture
from .run_page import RunPage
from .run_state import shown_state, state_data
from .run_step import refuse_unknown_input, select_step
from .run_version import EventRow, window_at
from .version_facts import read_versions

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger
    from ..requests import Call


PARAMETERS: Final = frozenset({"version", "at", "step", "attempt", "value", "level", "log"})


def load(call: Call) -> RunPage:
    """The run at the version, or time, that the address asks for; as far as its events can be read.

    Raises RunNotFound, VersionNotFound, NothingAsOf, InvalidRequest, EventNotReadable.
    """
    check_names(call.query, PARAMETERS)
    return as_far_as_it_reads(call.part("run"), lambda damage: _load(call, damage))


def _load(call: Call, damage: EventNotReadable | None) -> RunPage:
    query, ledger, run_id = call.query, call.ledger, call.part("run")
    run, workflow, read = read_run(ledger, call.read_runs, run_id, call.now, damage)
    version = version_of(call, read.head, damage)
    chip = read_versions(ledger, [(run.workflow_id, run.workflow_version)])
    selected = select_step(query, read, version, workflow)
    refuse_unknown_input(text(query, "value"), selected)
    window = window_at(version, read.head)
    return RunPage(
        run=run,
        version=version,
        asked=asked_of(call),
        address=address_of(call),
        ways=_ways(call, run_id, version, read.head),
        chip=chip.get((run.workflow_id, run.workflow_version)),
        latest=latest_version(ledger, run.workflow_id),
        picture=picture_of(
            ledger,
            workflow,
            read,
            version,
            None if selected is None else selected.attempt.node_id,
            step_link(call),
        ),
        read=read,
        events=event_rows(read, *window),
        state=shown_state(read, version, text(query, "value")),
        snapshot=read.walk.snapshot(version),
        selected=selected,
        failure=failure_of(ledger, run, read),
        good=last_good_run(ledger, run),
        acts=() if damage else run_acts(call, run),
        legal_holds=ledger.retention.holds(run_id),
        damage=damage,
    )


def picture_of(
    ledger: Ledger,
    workflow: WorkflowSnapshot | None,
    read: ReadRun,
    version: int,
    selected: str | None,
    url_of: Callable[[str], str],
) -> Picture | None:
    """The graph of the run at a version; None where its workflow can't be read, or is too large for a picture."""
    if workflow is None:
        return None
    layout = draw_version(ledger, workflow, ledger.workflows.versions(workflow.workflow_id), SMALL)
    return run_picture(workflow, layout, read, version, selected, url_of)


def event_rows(read: ReadRun, first: int, last: int) -> tuple[EventRow, ...]:
    """The rows of a run's events, both versions included."""
    return tuple(EventRow(event, describe_event(event)) for event in read.walk.events(first, last))


def asked_of(call: Call) -> dict[str, str]:
    """What an address asks for of a run's page."""
    return {name: value for name, value in call.query.items() if value and name in PARAMETERS}


def address_of(call: Call) -> Callable[..., str]:
    """Makes addresses of the run's page, with a query."""
    return partial(call.links, "run", run=call.part("run"))


def version_of(call: Call, head: int, damage: EventNotReadable | None) -> int:
    """The version that is shown: of the path, of the query, or the last one. One that can't be read raises why."""
    query, pinned = call.request.query_params, call.request.path_params.get("n")
    at = _asked_time(call)
    if pinned is not None and not pinned.isdigit():
        raise InvalidRequest(f"version {quoted(pinned)} is no whole number")
    asked = int(pinned[:18]) if pinned is not None else whole(query, "version", 0)
    if at is not None:
        return call.ledger.history.snapshot(call.part("run"), at=at).version
    if not asked and pinned is None:
        return head
    if damage is not None and asked > head:
        raise damage
    return call.ledger.history.header(call.part("run"), version=asked).version


def _asked_time(call: Call) -> datetime | None:
    """The time as of which the run is to be shown; without an offset it is one of the reader's zone."""
    zone = reader_zone(call.request.cookies)[0]
    return read_moment(text(call.query, "at"), "at", now=call.now, of=zone)


def step_link(call: Call) -> Callable[[str], str]:
    """The address of a node's last execution by the version that is shown."""
    version = text(call.request.query_params, "version")
    return lambda node_id: call.links("run", run=call.part("run"), step=node_id, version=version)


def _ways(call: Call, run_id: str, version: int, head: int) -> CopyAs:
    if version == head:
        return CopyAs(
            call.links.data("run", run=run_id), f"flowledger show {run_id}", f'ledger.history.snapshot("{run_id}")'
        )
    return CopyAs(
        call.links.data("run_version", run=run_id, n=version),
        f"flowledger show {run_id}@{version}",
        f'ledger.history.snapshot("{run_id}", version={version})',
    )


def to_document(page: RunPage) -> dict[str, Any]:
    """The run as the command line's ``--json`` has it, with the state and the events that the page shows.

    Of a long run these are the last results of each node and the events around the version; ``earlierResults`` and the
    versions before and after lead to the rest.
    """
    state, earlier = state_data(page.snapshot, whole=page.carries)
    first, last = (page.events[place].event.version for place in (0, -1))
    return {
        **run_with(page.run, state),
        "legalHolds": [row_document(hold) for hold in page.legal_holds],
        "shownVersion": page.version,
        "earlierResults": earlier,
        "events": [event_document(row.event) for row in page.events],
        "before": first - 1 if first > 1 else None,
        "after": last + 1 if last < page.head else None,
    }


PAGES = (
    Page("/runs/{run}", "run", "viewer", load, "run.html", to_document),
    Page("/runs/{run}/versions/{n}", "run_version", "viewer", load, "run.html", to_document),
)
