"""Retry a run: from where, on which version, what it keeps, what runs again and acts on the world once more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ......domain.errors import IllegalTransition, RunNotFound, WorkOrderNotFound
from ......domain.rerun.retry import RetryPreview
from ......domain.status import RunStatus
from ......domain.values.json_compare import json_digest
from ......projections.runs.run import Run
from ...rendering.versions import ShownVersion
from ...rendering.words import short_id
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names, text, texts
from ..version_facts import read_versions
from .ahead import NodeAhead, nodes_ahead
from .execution import Execution, execution_of
from .form import ActForm, act_form, attempt, preconditions, reason_of
from .refused import RefusedAct, sentence
from .run_words import how_it_went

if TYPE_CHECKING:
    from ...requests import Call

FROM: Final = "from"
ANSWERS: Final = "answers"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A node at which the retry may begin."""

    node_id: str
    failed: bool
    """Whether the run failed there."""
    is_deleted: bool
    """Whether the live version lacks it."""


class Input(NamedTuple):
    """What the work order was opened with."""

    size: int
    """Bytes as JSON."""
    digest: str
    """SHA-256 (hex)."""


@dataclass(frozen=True, slots=True)
class Retried:
    """The run by which the work was done once more already."""

    run_id: str
    by: str
    status: RunStatus


@dataclass(frozen=True, slots=True)
class RetryPage:
    """A run, or a work order that was rejected, and what its retry would do."""

    id: str
    run: Run | None
    """None: the input was refused, and there never was a run."""
    asked: str | None
    """The node from which it is to be retried."""
    beginnings: tuple[Beginning, ...]
    preview: RetryPreview | None
    impossible: str | None
    """Why there is none."""
    retried: Retried | None
    input: Input | None
    version: ShownVersion | None
    ahead: tuple[NodeAhead, ...]
    execution: Execution
    form: ActForm
    copy_as: CopyAs
    back: str

    @property
    def query(self) -> dict[str, Any]:
        """The query of the address at which this is done."""
        kept = () if self.preview is None else {answer.node_id for answer in self.preview.answers if answer.reused}
        return {FROM: self.asked, ANSWERS: tuple(kept)}

    @property
    def where(self) -> str:
        """From where, in words."""
        return "the start" if self.asked is None else self.asked


def load(call: Call, refused: RefusedAct | None = None) -> RetryPage:
    """The preview. Raises RunNotFound, InvalidRequest (the run never came to the node)."""
    check_names(call.query, (FROM, ANSWERS))
    some_id, asked, answers = call.part("run"), text(call.query, FROM), texts(call.query, ANSWERS)
    run = _find_run(call, some_id)
    preview, impossible = None, None
    try:
        preview = call.ledger.runs.retry(some_id, asked, by=call.by, preview=True, answers=answers)
    except IllegalTransition as error:
        impossible = sentence(str(error))
    beginnings = () if run is None else tuple(_beginnings(call, run))
    if any(each.is_deleted and each.node_id == asked for each in beginnings):
        impossible = "This step has been deleted and cannot be retried. Try running from other steps."
    seen = 0 if run is None else run.version
    shown = f"{some_id}@{seen}" if seen else some_id
    given = {"from_node": asked, "answers": answers, "by": call.by, "expected_version": seen or None}
    return RetryPage(
        some_id,
        run,
        asked,
        beginnings,
        preview,
        impossible,
        _retried(call, preview),
        None if preview is None else _input(preview.input),
        _version(call, preview),
        _ahead(call, preview),
        execution_of(call),
        act_form(call, seen, refused),
        CopyAs(
            call.links.data("retry", run=some_id, **{FROM: asked, ANSWERS: answers}),
            command_line(["run", "retry", shown], {"from": asked, "answers": answers}),
            python_call("runs.retry", given, some_id),
        ),
        call.links("history") if run is None else call.links("run", run=run.id),
    )


def _find_run(call: Call, some_id: str) -> Run | None:
    """The run, or the last one of the work order; None where that was rejected.

    Raises RunNotFound for the id of neither.
    """
    try:
        return call.ledger.runs.get(some_id)
    except RunNotFound as unknown:
        try:
            order = call.ledger.runs.work_order(some_id)
        except WorkOrderNotFound:
            raise unknown from None
        return call.ledger.runs.get(order.runs[-1]) if order.runs else None


def _beginnings(call: Call, run: Run) -> Iterator[Beginning]:
    """The nodes that the run came to, in the order in which it first did."""
    live = call.ledger.workflows.get(run.workflow_id, "live").definition
    known = {node.id for node in live.nodes}
    came_to = [result.node_id for result in call.ledger.history.reused(run.id)]
    came_to += [event.data["node_id"] for event in call.ledger.history.events(run.id) if "node_id" in event.data]
    failed = run.snapshot.current_node_id if run.status == "failed" else None
    for node_id in dict.fromkeys(came_to):
        yield Beginning(node_id, node_id == failed, node_id not in known)


def _retried(call: Call, preview: RetryPreview | None) -> Retried | None:
    if preview is None or preview.retried is None:
        return None
    last = call.ledger.runs.work_order(preview.work_order_id).runs[-1]
    begun = next(iter(call.ledger.history.events(last)))
    return Retried(last, begun.by, call.ledger.history.header(last).status)


def _input(value: Any) -> Input:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Input(len(text.encode(errors="surrogatepass")), json_digest(value))


def _version(call: Call, preview: RetryPreview | None) -> ShownVersion | None:
    if preview is None:
        return None
    key = (preview.workflow_id, preview.version)
    return read_versions(call.ledger, [key]).get(key)


def _ahead(call: Call, preview: RetryPreview | None) -> tuple[NodeAhead, ...]:
    if preview is None:
        return ()
    definition = call.ledger.workflows.get(preview.workflow_id, preview.version).definition
    changed = (*preview.changed, *preview.code_changed)
    return nodes_ahead(call.ledger, definition, preview.start_node_id, preview.effects, preview.added, changed)


def act(call: Call) -> Redirect | Refused:
    """Retry it. Raises RunNotFound, InvalidRequest, StorageError."""
    some_id, asked = call.part("run"), text(call.query, FROM)

    def do() -> Redirect:
        run = call.ledger.runs.retry(
            some_id,
            asked,
            by=call.by,
            wait=execution_of(call).waits,
            answers=texts(call.query, ANSWERS),
            again=call.form.get("again") == "yes",
            reason=reason_of(call),
            **preconditions(call),
        )
        begun = f"Run {short_id(run.id)} was started from {asked or 'the start'}, on version {run.workflow_version}"
        return Redirect(call.links("run", run=run.id), f"{begun}; {how_it_went(run)}.")

    return attempt(call, do, load, of="The run")


def to_document(page: RetryPage) -> dict[str, Any]:
    """The preview as the command line's ``--json`` has it; where there is none, why."""
    return {"impossible": page.impossible} if page.preview is None else dict(page.preview.to_data())


PAGES: Final = (Page("/runs/{run}/retry", "retry", "viewer", load, "acts/retry.html", to_document, act),)
