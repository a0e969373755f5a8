"""Reproduce a run: once more as it was, to find out why; what acted on the world is taken from the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import NotFound
from ......projections.runs.run import Run
from ....presentation.documents import run_document
from ...rendering.versions import ShownVersion
from ...rendering.words import short_id
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names
from ..version_facts import read_versions
from .ahead import NodeAhead, nodes_ahead
from .execution import Execution, execution_of
from .form import ActForm, act_form, attempt, preconditions, reason_of
from .refused import RefusedAct
from .run_words import how_it_went

if TYPE_CHECKING:
    from ...requests import Call

EFFECTS: Final = "effects"
"""The field with the types that are executed although they act on the world."""


@dataclass(frozen=True, slots=True)
class ReproducePage:
    """A run, and what is executed of it once more."""

    run: Run
    impossible: str | None
    version: ShownVersion | None
    start: str | None
    """The node at which it began."""
    ahead: tuple[NodeAhead, ...]
    execution: Execution
    form: ActForm
    copy_as: CopyAs
    back: str


def load(call: Call, refused: RefusedAct | None = None) -> ReproducePage:
    """The page. Raises RunNotFound, InvalidRequest."""
    check_names(call.query, ())
    run = call.ledger.runs.get(call.part("run"))
    start = next(iter(call.ledger.history.events(run.id))).data.get("start_node_id")
    ahead: tuple[NodeAhead, ...] = ()
    impossible = None
    try:
        definition = call.ledger.history.workflow_of(run.id).definition
    except NotFound:
        impossible = f"Version {run.workflow_version} of {run.workflow_id}, which it ran on, can't be read."
    else:
        ahead = nodes_ahead(call.ledger, definition, start)
    if start is None:
        impossible = (
            "It began where everything was done already, so nothing of it ran: reproduce the run it comes from."
        )
    key = (run.workflow_id, run.workflow_version)
    return ReproducePage(
        run,
        impossible,
        read_versions(call.ledger, [key]).get(key),
        start,
        ahead,
        execution_of(call),
        act_form(call, run.version, refused),
        CopyAs(
            call.links.data("reproduce", run=run.id),
            command_line(["run", "reproduce", f"{run.id}@{run.version}"], {}),
            python_call("runs.reproduce", {"by": call.by, "expected_version": run.version}, run.id),
        ),
        call.links("run", run=run.id),
    )


def act(call: Call) -> Redirect | Refused:
    """Reproduce it. Raises RunNotFound, InvalidRequest, StorageError."""
    run_id = call.part("run")

    def do() -> Redirect:
        made = call.ledger.runs.reproduce(
            run_id,
            by=call.by,
            wait=execution_of(call).waits,
            effects=call.form.getlist(EFFECTS),
            reason=reason_of(call),
            **preconditions(call),
        )
        said = f"Run {short_id(made.id)} reproduces {short_id(run_id)}, on version {made.workflow_version}"
        return Redirect(call.links("run", run=made.id), f"{said}; {how_it_went(made)}.")

    return attempt(call, do, load, of="The run")


def to_document(page: ReproducePage) -> dict[str, Any]:
    """The run, and the nodes that may be executed."""
    return {
        **run_document(page.run),
        "impossible": page.impossible,
        "ahead": [{"nodeId": node.id, "type": node.type, "effects": node.has_effects} for node in page.ahead],
    }


PAGES: Final = (Page("/runs/{run}/reproduce", "reproduce", "viewer", load, "acts/reproduce.html", to_document, act),)
