"""A bulk action as it stands: who asked for what, how far it is, what became of each run; and stopping it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import InvalidRequest
from ......projections.bulk_action import BulkAction, BulkActionItem
from ....presentation.documents import row_document
from ..acts.form import ActForm, act_form, attempt
from ..acts.refused import RefusedAct
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names, one_of, text, whole
from .selection import Selection, stored_selection

if TYPE_CHECKING:
    from ...requests import Call

LIMIT: Final = 50
SHOWN: Final = ("all", "open", "failed", "active", "skipped", "refused")
"""Which runs are shown."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the runs, for the bar and the numbers below it."""

    word: str
    """``completed``, ``failed``, ``active``, …, ``open``, ``skipped``, ``refused``, ``cancelled``."""
    says: str
    count: int
    start: float
    """Where it begins in the bar, in percent."""
    share: float
    """In percent."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A link to some of the runs."""

    value: str
    says: str
    count: int


@dataclass(frozen=True, slots=True)
class BulkActionPage:
    """The action and a page of its runs."""

    action: BulkAction
    selection: Selection | None
    parts: tuple[Part, ...]
    shown: str
    filters: tuple[Filter, ...]
    items: tuple[BulkActionItem, ...]
    after: str | None
    next: str | None
    waits_for_worker: bool
    """Whether new runs are queued, and no worker is alive."""
    form: ActForm
    impossible: str | None
    copy_as: CopyAs

    @property
    def may_stop(self) -> bool:
        """Whether who reads it may stop it, and there is something to stop."""
        return self.form.may and self.action.status == "running"


def load(call: Call, refused: RefusedAct | None = None) -> BulkActionPage:
    """Raises BulkActionNotFound, InvalidRequest."""
    query, bulk_id = call.query, call.part("id")
    check_names(query, ("show", "after", "limit"))
    action = call.ledger.bulk.get(bulk_id)
    shown = one_of(query, "show", SHOWN, "all")
    after = text(query, "after")
    found = call.ledger.bulk.items(bulk_id, **_FILTERS[shown], after=after, limit=whole(query, "limit", LIMIT))
    parts = _parts(action)
    return BulkActionPage(
        action,
        None if action.selection is None else stored_selection(call, action.selection),
        parts,
        shown,
        _filters(action, parts),
        found.items,
        after,
        found.next,
        bool(action.runs.get("active")) and not any(each.is_worker and each.is_alive for each in call.ledger.workers()),
        act_form(call, action.version, refused),
        None,
        CopyAs(
            call.links.api(f"/bulk/{bulk_id}"),
            command_line(["bulk", "show", bulk_id], {}),
            python_call("bulk.get", {}, bulk_id),
        ),
    )


_FILTERS: Final[dict[str, dict[str, Any]]] = {
    "all": {},
    "open": {"outcome": "open"},
    "failed": {"status": "failed"},
    "active": {"status": "active"},
    "skipped": {"outcome": "skipped"},
    "refused": {"outcome": "refused"},
}


def _parts(action: BulkAction) -> tuple[Part, ...]:
    """What became of the runs, in the order of the bar; together they are all."""
    outcomes = action.outcomes
    counts: list[tuple[str, str, int]]
    if action.act == "retry":
        counts = [(word, _SAYS.get(word, word), action.runs.get(word, 0)) for word in _IN_BAR]
        known = sum(count for _, _, count in counts)
        counts.append(("unreadable", "unreadable", outcomes.get("retried", 0) - known))
    else:
        counts = [("cancelled", "cancelled", outcomes.get("cancelled", 0))]
    counts += [
        ("open", "still to do" if action.status == "running" else "not begun", action.count - action.done),
        ("skipped", "had nothing to do", outcomes.get("skipped", 0)),
        ("refused", "refused", outcomes.get("refused", 0)),
    ]
    parts: list[Part] = []
    start = 0.0
    for word, says, count in counts:
        if count > 0:
            share = 100 * count / action.count
            parts.append(Part(word, says, count, start, share))
            start += share
    return tuple(parts)


_IN_BAR: Final = ("completed", "failed", "cancelled", "error", "paused", "active")
_SAYS: Final = {"failed": "failed again", "error": "wait for a retry", "paused": "paused", "active": "active"}


def _filters(action: BulkAction, parts: tuple[Part, ...]) -> tuple[Filter, ...]:
    counts = {part.word: part for part in parts}
    words = (
        ("open", "active", "failed", "skipped", "refused") if action.act == "retry" else ("open", "skipped", "refused")
    )
    some = tuple(Filter(word, counts[word].says, counts[word].count) for word in words if word in counts)
    return (Filter("all", "all", action.count), *some)


def stop(call: Call) -> Redirect | Refused:
    """Stop it behind the run that is worked on."""
    bulk_id = call.part("id")
    if call.form.get("act") != "stop":
        raise InvalidRequest("what is to be done? The form names it, as act=stop")

    def do() -> Redirect:
        stopped = call.ledger.bulk.stop(bulk_id, by=call.by, reason=call.form.get("why") or None)
        left = stopped.count - stopped.done
        return Redirect(
            call.links("bulk", id=bulk_id), f"Stopped. {stopped.done:,} have a result, {left:,} aren’t begun."
        )

    return attempt(call, do, load, of="The bulk action")


def to_document(page: BulkActionPage) -> dict[str, Any]:
    """The action, and this page of its runs."""
    return {**row_document(page.action), "items": [row_document(item) for item in page.items], "next": page.next}


PAGES = (Page("/bulk/{id}", "bulk", "viewer", load, "bulk/action.html", to_document, stop),)
