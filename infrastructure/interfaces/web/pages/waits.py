"""Waits: the open questions of all runs, and the form that answers one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import Fault, InvalidAnswer, InvalidRequest, RunHeld, WaitClosed
from .....projections.runs.open_waits import WaitSummary
from ...presentation.documents import row_document, to_json
from ...presentation.inputs import read_moment
from .copy_as import CopyAs, command_line, python_call
from .page import Page, Redirect, Refused
from .query import check_names, text, whole
from .schema_form import WHOLE, Field, elsewhere, fields_of, filled, read_value
from .wait_record import AskedWait, find_wait

if TYPE_CHECKING:
    from ..requests import Call

LIMIT: Final = 50
"""Questions of a page where the address doesn't say it."""

_FILTERS: Final = ("due_before", "node", "workflow")
_NAMES: Final = frozenset({*_FILTERS, "wait", "as", "after", "limit"})
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Question:
    """The question that is looked at."""

    asked: AskedWait
    fields: tuple[Field, ...]
    as_json: bool
    """Whether it is answered in one box of JSON, though it could be in fields."""
    may_answer: bool
    copy_as: CopyAs
    faults: tuple[Fault, ...] = ()
    """What is wrong and stands beside no field."""
    refused: WaitClosed | RunHeld | None = None
    typed: str | None = None
    """What was sent and not taken, as JSON."""

    @property
    def has_faults(self) -> bool:
        """Whether something that was sent was wrong."""
        return bool(self.faults) or any(field.fault for field in self.fields)


@dataclass(frozen=True, slots=True)
class WaitsPage:
    """The inbox, with one question opened."""

    waits: tuple[WaitSummary, ...]
    next: str | None
    asked: Mapping[str, str]
    """The filters, as the address has them."""
    question: Question | None
    due_today: int
    by: str
    """Who would answer."""
    copy_as: CopyAs


def load(call: Call) -> WaitsPage:
    """Raises InvalidRequest, WorkflowNotFound, RunNotFound."""
    return load_inbox(call, None)


def load_inbox(call: Call, question: Question | None) -> WaitsPage:
    """The inbox; the question is that of the address, or the first one."""
    query = call.query
    check_names(query, _NAMES)
    asked = {name: value for name in _FILTERS if (value := text(query, name)) is not None}
    filters: dict[str, Any] = {
        "workflow_id": asked.get("workflow"),
        "node": asked.get("node"),
        "due_before": read_moment(asked.get("due_before"), "due_before"),
    }
    limit = whole(query, "limit", LIMIT)
    found = call.ledger.history.waits(**filters, after=text(query, "after"), limit=limit)
    if question is None:
        first = next((wait for wait in found if not wait.held), found[0] if found else None)
        chosen = text(query, "wait") or (None if first is None else first.id)
        question = None if chosen is None else load_question(call, chosen)
    options = {"workflow": filters["workflow_id"], "node": filters["node"], "due_before": filters["due_before"]}
    return WaitsPage(
        found.items,
        found.next,
        asked,
        question,
        sum(wait.until is not None and wait.until - call.now < _A_DAY for wait in found),
        call.by,
        CopyAs(
            call.links.data("waits", **asked), command_line(["waits"], options), python_call("history.waits", filters)
        ),
    )


def load_question(call: Call, wait_id: str, as_json: bool | None = None) -> Question:
    """A question, open or answered. Raises InvalidRequest, RunNotFound."""
    asked = find_wait(call.ledger, wait_id)
    fields = fields_of(asked.answer)
    as_json = text(call.query, "as") == "json" if as_json is None else as_json
    return Question(
        asked,
        (WHOLE,) if as_json else fields,
        as_json,
        call.may("operator"),
        CopyAs(
            call.links.data("waits", wait=wait_id),
            command_line(["run", "resume", asked.run_id], {"wait": wait_id, "payload": _example(fields)}),
            python_call("runs.resume", {"wait": wait_id, "payload": {}, "by": call.by}, asked.run_id),
        ),
    )


def answer(call: Call) -> Redirect | Refused:
    """Answer the question with what the form says; what isn't right is shown beside what was typed."""
    wait_id = text(call.query, "wait")
    if wait_id is None:
        raise InvalidRequest("which question? The address names it, as wait=")
    question = load_question(call, wait_id)
    sent = read_value(question.fields, call.form)
    if sent.faults:
        return _refuse(call, question, sent.faults)
    try:
        run = call.ledger.runs.resume(question.asked.run_id, payload=sent.value, by=call.by, wait=wait_id)
    except InvalidAnswer as error:
        return _refuse(call, question, error.issues)
    except (WaitClosed, RunHeld) as error:
        return _refuse(call, question, (), error, sent.value)
    where = f"is at {run.snapshot.current_node_id}" if run.snapshot.current_node_id else f"has {run.status}"
    asked = {name: value for name in _FILTERS if (value := text(call.query, name)) is not None}
    return Redirect(call.links("waits", **asked), f"Answered. Run {run.id} {where} now.")


def _refuse(
    call: Call,
    question: Question,
    faults: Sequence[Fault],
    refused: WaitClosed | RunHeld | None = None,
    value: Any = None,
) -> Refused:
    shown = replace(
        question,
        fields=filled(question.fields, call.form, faults),
        faults=elsewhere(question.fields, faults),
        refused=refused,
        typed=None if refused is None else to_json(value),
    )
    return Refused(load_inbox(call, shown), 422 if refused is None else 409)


def _example(fields: Sequence[Field]) -> str:
    """An answer to begin with, as JSON."""
    if not fields[0].path:
        return "JSON"
    return json.dumps({field.path[0]: json.loads(field.options[0].value) if field.options else True
                       for field in fields if field.is_needed and len(field.path) == 1})  # fmt: skip


def to_document(page: WaitsPage) -> dict[str, Any]:
    """The questions as the command line's ``--json`` has them."""
    return {"waits": [row_document(wait) for wait in page.waits], "next": page.next}


PAGES = (Page("/waits", "waits", "viewer", load, "waits.html", to_document, answer),)
