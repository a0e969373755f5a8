"""What a bulk action would do, with exact numbers, and the button that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import ConcurrencyError, Conflict, InvalidRequest
from ......projections.bulk_action import BulkPreview
from ....presentation.documents import row_document
from ..acts.form import KEY, ActForm, act_form, attempt
from ..acts.refused import RefusedAct
from ..copy_as import CopyAs, command_line, python_call
from ..history_words import FIELDS
from ..page import Page, Redirect, Refused
from ..query import check_names, one_of, text
from .selection import PICK, Selection, read_selection

if TYPE_CHECKING:
    from ...requests import Call

ACTS: Final = ("retry", "cancel")
MOST_READ: Final = 200
"""Runs that are read one by one to say what acts on the world again; of more that isn't said."""
_OWN: Final = ("act", "from", PICK)


@dataclass(frozen=True, slots=True)
class BulkPreviewPage:
    """The runs, what would be done with them, and why not with the others."""

    act: str
    from_node: str | None
    selection: Selection
    preview: BulkPreview
    workers: int
    """How many are alive."""
    impossible: str | None
    """Why there is nothing to be done."""
    form: ActForm
    copy_as: CopyAs
    back: str

    @property
    def query(self) -> dict[str, Any]:
        """The query of the address at which this is asked for."""
        return {**self.selection.query, "act": self.act, "from": self.from_node}

    @property
    def nodes_are_asked(self) -> bool:
        """Whether there is a node to begin at."""
        return self.act == "retry"


def load(call: Call, refused: RefusedAct | None = None) -> BulkPreviewPage:
    """Raises InvalidRequest, WorkflowNotFound, VersionNotFound."""
    query = call.query
    check_names(query, (*_OWN, *FIELDS))
    act, from_node = _act(call)
    selection = read_selection(call, query)
    preview = call.ledger.bulk.preview(act, **selection.arguments(), from_node=from_node)
    if act == "retry" and 0 < preview.count <= MOST_READ:
        preview = call.ledger.bulk.preview(act, **selection.arguments(), from_node=from_node, effects=True)
    return BulkPreviewPage(
        act,
        from_node,
        selection,
        preview,
        sum(worker.is_worker and worker.is_alive for worker in call.ledger.workers()),
        None if preview.can else _nothing_to_do(preview),
        act_form(call, 0, refused),
        CopyAs(
            call.links.data("bulk_new", **selection.query, act=act, **{"from": from_node}),
            _command(act, from_node, selection),
            python_call("bulk.request", {"from_node": from_node, "by": call.by, **_python_runs(selection)}, act),
        ),
        call.links("history", **selection.of_history),
    )


def _act(call: Call) -> tuple[Any, str | None]:
    act = one_of(call.query, "act", ACTS, "retry")
    from_node = text(call.query, "from")
    if from_node is not None and act != "retry":
        raise InvalidRequest("from is for a retry: a cancellation begins at no node")
    return act, from_node


def _nothing_to_do(preview: BulkPreview) -> str:
    if not preview.count:
        return "No run matches."
    done = "retried" if preview.act == "retry" else "cancelled"
    return f"It can’t be {done}." if preview.count == 1 else f"None of them can be {done}."


def _python_runs(selection: Selection) -> dict[str, Any]:
    if selection.picked:
        return {"runs": list(selection.picked)}
    return {"matching": selection.arguments()["matching"]}


def _command(act: str, from_node: str | None, selection: Selection) -> str:
    if selection.picked:
        return command_line(["bulk", "request", act, *selection.picked], {"from": from_node})
    filters = selection.filters.of_command()
    filters["started_by"] = filters.pop("by")
    every = not selection.words
    return command_line(["bulk", "request", act], {"from": from_node, "all": every, **filters})


def request(call: Call) -> Redirect | Refused:
    """Store the action, and let this process begin. Where other runs match by now, those are shown."""
    act, from_node = _act(call)
    selection = read_selection(call, call.query)
    form = call.form

    def do() -> Redirect:
        try:
            made = call.ledger.bulk.request(
                act,
                **selection.arguments(),
                by=call.by,
                reason=form.get("why") or None,
                from_node=from_node,
                idempotency_key=form.get(KEY) or None,
                digest=form.get("digest") or None,
            )
        except ConcurrencyError as error:
            raise Conflict(
                "other runs match by now than when you looked: below are those that do, with their numbers"
            ) from error
        call.work_on_bulk()
        return Redirect(call.links("bulk", id=made.id))

    return attempt(call, do, load, of="The selection")


def to_document(page: BulkPreviewPage) -> dict[str, Any]:
    """The preview as data."""
    return row_document(page.preview)


PAGES = (Page("/bulk/new", "bulk_new", "viewer", load, "bulk/new.html", to_document, request, "operator"),)
