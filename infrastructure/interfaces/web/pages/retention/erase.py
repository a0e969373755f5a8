"""Erasing a subject: every place where its data is, before anything is done; then its name is typed once more.

What the subject is called travels in forms alone: addresses are kept by browsers and in the logs of proxies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import FlowledgerError, InvalidRequest, StorageError
from ......domain.visible import quoted
from ......projections.erasure import ErasureReport
from ....presentation.documents import row_document
from ...problems import problem_of
from ..acts.form import ActForm, act_form, reason_of
from ..acts.refused import RefusedAct, refused_act
from ..copy_as import CopyAs, command_line
from ..page import Page, Refused, Shown
from ..query import check_names

if TYPE_CHECKING:
    from ...requests import Call

SUBJECT: Final = "subject"
CONFIRM: Final = "confirm"


@dataclass(frozen=True, slots=True)
class ErasePage:
    """A subject that is to be named; or what there is of it; or what was done."""

    report: ErasureReport | None
    """None before somebody has named a subject that there is."""
    impossible: None
    form: ActForm
    copy_as: CopyAs
    back: str

    @property
    def subject(self) -> str:
        """What was typed, or nothing."""
        return self.form.typed.get(SUBJECT, "")

    @property
    def is_done(self) -> bool:
        """Whether it is erased."""
        return self.report is not None and not self.report.dry_run


def load(call: Call, refused: RefusedAct | None = None, report: ErasureReport | None = None) -> ErasePage:
    """Raises InvalidRequest."""
    check_names(call.query, ())
    return ErasePage(
        report,
        None,
        act_form(call, 0, refused, role="admin"),
        CopyAs(
            call.links.api("/erase"),
            command_line(["erase", "SUBJECT"], {"dry_run": True}),
            'ledger.erase("SUBJECT", dry_run=True)',
        ),
        call.links("retention"),
    )


def act(call: Call) -> Shown | Refused:
    """Look what there is of a subject, or erase it. Raises StorageError."""
    subject = call.form.get(SUBJECT, "").strip()
    found: ErasureReport | None = None
    try:
        match call.form.get("do"):
            case "look":
                return Shown(load(call, report=_look(call, subject)))
            case "erase":
                found = _look(call, subject)
                if call.form.get(CONFIRM, "").strip() != subject:
                    raise InvalidRequest("type the subject once more, exactly as it is, to have it erased")
                done = call.ledger.erase(subject, by=call.by, reason=reason_of(call))
                return Shown(load(call, report=done))
            case other:
                raise InvalidRequest(f"do {quoted(other)} is neither look nor erase")
    except StorageError:
        raise
    except FlowledgerError as error:
        return Refused(load(call, refused_act(error, "The subject"), found), problem_of(error).status)


def _look(call: Call, subject: str) -> ErasureReport:
    return call.ledger.erase(subject, by=call.by, dry_run=True)


def to_document(page: ErasePage) -> dict[str, Any]:
    """What was found, or done; an address names no subject, so it finds none."""
    return {"report": None if page.report is None else row_document(page.report)}


PAGES: Final = (Page("/subjects/erase", "erase", "admin", load, "retention/erase.html", to_document, act, "admin"),)
