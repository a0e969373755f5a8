"""Removing old runs: what a policy would take away, what stays and why; then it is done, once the number is typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import InvalidRequest
from ......domain.retention.policy import RetentionPolicy
from ......domain.status import ENDED, RUN_STATUSES
from ......projections.retention import RetentionReport
from ....presentation.documents import row_document
from ....presentation.policies import read_policy, what_goes
from ..acts.form import ActForm, act_form, attempt, reason_of
from ..acts.refused import RefusedAct
from ..copy_as import CopyAs, command_line
from ..page import Page, Redirect, Refused
from ..query import check_names, flag, text, texts, whole

if TYPE_CHECKING:
    from ...requests import Call

STATUSES: Final = tuple(status for status in RUN_STATUSES if status in ENDED)
_FIELDS: Final = ("older_than", "status", "workflow", "keep_last", "max_bytes", "archived_workflows")
CONFIRM: Final = "confirm"
"""The field with the number of runs and workflows that go, as somebody has typed it."""


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """A policy, and what it would take away now."""

    asked: dict[str, Any]
    """The policy, as the address has it."""
    statuses: tuple[str, ...]
    """How runs can have ended."""
    preview: RetentionReport | None
    """None where no policy is named."""
    going: int
    """How many runs and workflows go."""
    impossible: str | None
    """Why nothing can be removed."""
    form: ActForm
    copy_as: CopyAs
    back: str


def load(call: Call, refused: RefusedAct | None = None) -> PolicyPage:
    """Raises InvalidRequest, StorageUnavailable."""
    asked = _asked(call)
    policy = _policy(asked)
    preview = None if policy.keeps_nothing else call.ledger.retention.preview(policy)
    return PolicyPage(
        asked,
        STATUSES,
        preview,
        0 if preview is None else preview.runs + preview.workflows,
        _why_not(preview),
        act_form(call, 0, refused, role="admin"),
        CopyAs(
            call.links.data("retention_apply", **asked),
            command_line(
                ["retention", "apply"],
                {**asked, "archived_workflows": policy.archived_workflows, "archive": "FOLDER"},
            ),
            f"ledger.retention.preview(fl.RetentionPolicy({_in_python(policy)}))",
        ),
        call.links("retention"),
    )


def _asked(call: Call) -> dict[str, Any]:
    """Raises InvalidRequest."""
    query = call.query
    check_names(query, _FIELDS)
    numbers = {name: whole(query, name, 0) if text(query, name) else None for name in ("keep_last", "max_bytes")}
    return {
        "older_than": text(query, "older_than"),
        "status": texts(query, "status") or ("completed",),
        "workflow": text(query, "workflow"),
        **numbers,
        "archived_workflows": "yes" if flag(query, "archived_workflows") else None,
    }


def _policy(asked: dict[str, Any]) -> RetentionPolicy:
    return read_policy(
        asked["older_than"],
        asked["status"],
        asked["workflow"],
        asked["keep_last"],
        asked["max_bytes"],
        archived_workflows=asked["archived_workflows"] is not None,
    )


def _in_python(policy: RetentionPolicy) -> str:
    length = policy.older_than
    arguments = [] if length is None else [f"older_than=timedelta({_length(length)})"]
    given = {name: getattr(policy, name) for name in ("status", "workflow_id", "keep_last", "max_bytes")}
    arguments += [f"{name}={value!r}" for name, value in given.items() if value is not None]
    return ", ".join(arguments + (["archived_workflows=True"] if policy.archived_workflows else []))


def _length(length: timedelta) -> str:
    return f"days={length.days}" if not length.seconds else f"seconds={length.total_seconds():.0f}"


def _why_not(preview: RetentionReport | None) -> str | None:
    if preview is None:
        return "Say what stays: how old runs may become, how many of the newest, or how many bytes of them."
    return None if preview.runs or preview.work_orders or preview.workflows else "Nothing is to go under this policy."


def act(call: Call) -> Redirect | Refused:
    """Remove what the policy says, where as many go as the number that was typed says. Raises StorageError."""
    policy = _policy(_asked(call))

    def do() -> Redirect:
        if policy.keeps_nothing:
            raise InvalidRequest("this policy keeps nothing that has ended so: say what stays")
        would, typed = call.ledger.retention.preview(policy), call.form.get(CONFIRM, "").strip().replace(",", "")
        going = would.runs + would.workflows
        if typed != str(going):
            said = f"you typed {typed!r}" if typed else "the number that goes wasn't typed"
            raise InvalidRequest(f"{said}, and {going:,} go now: look at what goes, and type that number")
        done = call.ledger.retention.apply(policy, by=call.by, reason=reason_of(call))
        return Redirect(
            call.links("retention"), f"{what_goes(done.runs, done.workflows)} with {done.events:,} events were removed."
        )

    return attempt(call, do, load, of="The store")


def to_document(page: PolicyPage) -> dict[str, Any]:
    """The preview as the command line's ``--json`` has it; where there is none, why."""
    return {"impossible": page.impossible} if page.preview is None else row_document(page.preview)


PAGES: Final = (
    Page("/retention/apply", "retention_apply", "admin", load, "retention/apply.html", to_document, act, "admin"),
)
