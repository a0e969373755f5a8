"""Retention: what was removed under policies, what legal holds keep; holds are placed and lifted here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import FlowledgerError, InvalidRequest, StorageError
from ......domain.evidence.report import RemovedHistory
from ......domain.visible import quoted
from ......projections.retention import PlacedHold
from ....presentation.documents import row_document
from ...problems import problem_of
from ..acts.refused import sentence
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names, text, whole

if TYPE_CHECKING:
    from ...requests import Call

SHOWN: Final = 25
"""Removals of a page."""


@dataclass(frozen=True, slots=True)
class RetentionPage:
    """What must stay, and what went."""

    holds: tuple[PlacedHold, ...]
    removals: tuple[RemovedHistory, ...]
    """Newest first."""
    count: int
    """How many removals there were."""
    before: int | None
    """The address of older ones has it; None: these are the oldest."""
    is_first: bool
    may_change: bool
    """Whether who reads it may remove, hold and erase."""
    run: str
    """The run that a hold is to be placed on, where the address says so."""
    typed: Mapping[str, str]
    """What was sent, where it wasn't done."""
    fault: str | None
    """Why it wasn't."""
    copy_as: CopyAs


def load(call: Call, fault: str | None = None) -> RetentionPage:
    """Raises InvalidRequest, StorageUnavailable."""
    check_names(call.query, ("run", "before"))
    retention = call.ledger.retention
    removals = retention.removals()
    end = min(whole(call.query, "before", len(removals)), len(removals))
    begin = max(0, end - SHOWN)
    return RetentionPage(
        retention.holds(),
        removals[begin:end][::-1],
        len(removals),
        begin or None,
        end == len(removals),
        call.may("admin"),
        text(call.query, "run") or "",
        {} if fault is None else dict(call.form),
        fault,
        CopyAs(
            call.links.data("retention"),
            command_line(["retention", "removals"], {}),
            python_call("retention.removals", {}),
        ),
    )


def act(call: Call) -> Redirect | Refused:
    """Place a legal hold, or lift one. Raises StorageError."""
    form, retention = call.form, call.ledger.retention
    on = {name: form.get(name, "").strip() or None for name in ("run_id", "subject")}
    why = form.get("why", "").strip()
    try:
        match form.get("do"):
            case "hold":
                held = retention.hold(**on, by=call.by, reason=why)
                return Redirect(call.links("retention"), f"The {held.kind} is under a legal hold, as of {held.by}.")
            case "lift":
                retention.lift(**on, by=call.by, reason=why or None)
                return Redirect(call.links("retention"), "The legal hold is lifted: policies and erasures count again.")
            case other:
                raise InvalidRequest(f"do {quoted(other)} is neither hold nor lift")
    except StorageError:
        raise
    except FlowledgerError as error:
        return Refused(load(call, sentence(str(error))), problem_of(error).status)


def to_document(page: RetentionPage) -> dict[str, Any]:
    """What must stay and what went, as the command line's ``--json`` has them; the removals newest first."""
    return {
        "holds": [row_document(hold) for hold in page.holds],
        "removals": [row_document(each) for each in page.removals],
        "count": page.count,
        "before": page.before,
    }


PAGES: Final = (Page("/retention", "retention", "viewer", load, "retention/overview.html", to_document, act, "admin"),)
