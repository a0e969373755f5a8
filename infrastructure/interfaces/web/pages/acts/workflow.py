"""Release a version, archive a workflow, take it out of the archive or bring a version back, rename it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ......domain.errors import InvalidRequest, VersionNotFound
from ......domain.workflow import WorkflowSnapshot
from ....presentation.documents import workflow_document
from ....presentation.inputs import read_version
from ...rendering.versions import ShownVersion
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names, text, whole
from ..version_list import changes_words
from .form import SEEN, ActForm, act_form, attempt, preconditions, reason_of
from .refused import RefusedAct

if TYPE_CHECKING:
    from ...requests import Call

Name = Literal["release", "archive", "restore", "rename"]
LIVE: Final = "live"
"""The field with the version that was live when the page was made; 0: none was."""


class Change(NamedTuple):
    """A command on a workflow."""

    name: Name
    page: str
    """The name of its page."""
    role: str
    icon: str
    field: str
    """The argument that is typed."""
    asks: str
    is_of_version: bool
    """Whether the address may name a version."""


CHANGES: Final[dict[Name, Change]] = {
    change.name: change
    for change in (
        Change("release", "release-version", "editor", "check", "message", "Why", True),
        Change("archive", "archive", "admin", "lock", "reason", "Why", False),
        Change("restore", "restore", "admin", "repro", "message", "Why", True),
        Change("rename", "rename", "editor", "pen", "name", "Name, for people", False),
    )
}


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A workflow, and what is about to be done with it."""

    change: Change
    latest: WorkflowSnapshot
    live: int | None
    """The version that runs start with; None: every one is a draft."""
    chosen: WorkflowSnapshot | None
    """The version that the address names."""
    shown: ShownVersion | None
    """That, as a chip shows it."""
    differs: str | None
    """How it differs from the live one, or from the latest where it comes back."""
    against: int | None
    """The version with which it was compared."""
    heading: str
    button: str
    will: Sequence[str]
    impossible: str | None
    form: ActForm
    copy_as: CopyAs
    back: str


def load(name: Name, call: Call, refused: RefusedAct | None = None) -> ChangePage:
    """The page of a command. Raises WorkflowNotFound, VersionNotFound, InvalidRequest."""
    change = CHANGES[name]
    check_names(call.query, ("version",) if change.is_of_version else ())
    latest = call.ledger.workflows.get(call.part("id"))
    live, head = _live(call, latest.workflow_id), call.ledger.workflows.versions(latest.workflow_id)[-1].version
    chosen = _chosen(call, latest)
    against = live if name == "release" else latest.version
    heading, button, will = _words(change, latest, live, chosen)
    given: dict[str, Any] = {"version": None if chosen is None else chosen.version, "by": call.by}
    return ChangePage(
        change,
        latest,
        live,
        chosen,
        None if chosen is None else _shown(chosen),
        None if chosen is None or against is None else _differs(call, against, chosen),
        against,
        heading,
        button,
        will,
        _why_not(name, latest, live, chosen),
        act_form(call, head, refused, change.role),
        CopyAs(
            call.links.data(change.page, id=latest.workflow_id, version=given["version"]),
            command_line(*_command(name, latest, chosen, head)),
            python_call(f"workflows.{name}", {**given, "expected_version": head}, latest.workflow_id),
        ),
        call.links("workflow", id=latest.workflow_id),
    )


def _command(
    name: Name, latest: WorkflowSnapshot, chosen: WorkflowSnapshot | None, head: int
) -> tuple[list[str], dict[str, Any]]:
    words = ["workflow", name, latest.workflow_id]
    if name == "release":
        words.append(str(latest.version if chosen is None else chosen.version))
    elif name == "rename":
        words.append("NAME")
    elif chosen is not None:
        words[-1] += f"@{chosen.version}"
    return words, {"expect": head}


def _live(call: Call, workflow_id: str) -> int | None:
    try:
        return call.ledger.workflows.get(workflow_id, "live").version
    except VersionNotFound:
        return None


def _chosen(call: Call, latest: WorkflowSnapshot) -> WorkflowSnapshot | None:
    asked = text(call.query, "version")
    return None if asked is None else call.ledger.workflows.get(latest.workflow_id, read_version(asked))


def _shown(saved: WorkflowSnapshot) -> ShownVersion:
    return ShownVersion(saved.workflow_id, saved.version, saved.snapshot_id, saved.taken_at, saved.is_latest)


def _differs(call: Call, against: int, chosen: WorkflowSnapshot) -> str:
    return changes_words(call.ledger.workflows.diff(chosen.workflow_id, against, chosen).summary)


def _why_not(name: Name, latest: WorkflowSnapshot, live: int | None, chosen: WorkflowSnapshot | None) -> str | None:
    if name == "restore":
        if chosen is None and not latest.archived:
            return "The workflow isn’t archived: name the version that is to come back."
        return None if chosen is None or not chosen.is_latest or latest.archived else "It is the latest version."
    if latest.archived:
        return "The workflow is archived: restore it first."
    if name == "release" and chosen is None:
        return "Name the version that is to be live, as version=."
    if name == "release" and chosen is not None and chosen.version == live:
        return "It is the live version."
    return None


def _words(
    change: Change, latest: WorkflowSnapshot, live: int | None, chosen: WorkflowSnapshot | None
) -> tuple[str, str, tuple[str, ...]]:
    """The heading, the button, and what will happen."""
    id, number = latest.workflow_id, None if chosen is None else chosen.version
    will: tuple[str, ...]
    if change.name == "release":
        will = (
            "Nothing is live now." if live is None else f"Version {live} is live now.",
            f"Runs that start from now on run version {number}.",
            "Runs that have begun, also those that are queued, keep the version that they began with.",
        )
        return f"Release version {number} of {id}", f"Make version {number} live", will
    if change.name == "archive":
        will = (
            "It can still be read; nothing can be saved or started until it is restored.",
            "Runs that have begun go on.",
        )
        return f"Archive {id}", "Archive it", will
    if change.name == "restore":
        will = ("It can be saved and started again.",) if latest.archived else ()
        if number is None:
            return f"Take {id} out of the archive", "Restore it", will
        will += (
            f"The definition of version {number} becomes a new version, which is the latest and live at once.",
            "The versions since stay what they are.",
        )
        return f"Bring version {number} of {id} back", f"Restore version {number}", will
    named = "It has no name now." if latest.name is None else f"It is called {latest.name} now."
    return f"Rename {id}", "Rename it", (named, "The id stays what it is. Empty takes the name away.")


def act(name: Name, call: Call) -> Redirect | Refused:
    """Do it. Raises WorkflowNotFound, VersionNotFound, InvalidRequest, StorageError."""
    workflow_id, change = call.part("id"), CHANGES[name]
    asked = text(call.query, "version") if change.is_of_version else None
    if name == "release" and asked is None:
        raise InvalidRequest("which version is to be live? The address names it, as version=")
    typed = reason_of(call)
    version = {} if asked is None else {"version": read_version(asked)}
    if name == "release" and (moved := _other_live(call, workflow_id, version["version"])) is not None:
        return Refused(load(name, call, moved), 412)

    def do() -> Redirect:
        command: Callable[..., WorkflowSnapshot] = getattr(call.ledger.workflows, name)
        found = command(workflow_id, by=call.by, **{change.field: typed}, **version, **preconditions(call))
        return Redirect(call.links("workflow", id=workflow_id), _done(name, found, version.get("version")))

    return attempt(call, do, partial(load, name), of="The workflow")


def _other_live(call: Call, workflow_id: str, version: int | str) -> RefusedAct | None:
    """What was released since the page was made; None where nothing was, or the form doesn't say what it saw."""
    if not call.form.get(LIVE):
        return None
    seen, now = whole(call.form, LIVE, 0), _live(call, workflow_id)
    if now is None or now in (seen, call.ledger.workflows.get(workflow_id, version).version):
        return None
    versions = call.ledger.workflows.versions(workflow_id)
    later = [each for each in versions if each.version > whole(call.form, SEEN, 0)]
    return RefusedAct(f"You saw {f'version {seen}' if seen else 'none'} live; version {now} is by now.", saves=later)


def _done(name: Name, found: WorkflowSnapshot, version: int | str | None) -> str:
    match name:
        case "release":
            return f"Version {found.version} is live now."
        case "archive":
            return f"{found.workflow_id} is archived."
        case "restore":
            return f"Version {version} came back as version {found.version}." if version else "It is restored."
        case _:
            return "It has no name now." if found.name is None else f"It is called {found.name} now."


def to_document(page: ChangePage) -> dict[str, Any]:
    """The workflow as it stands, and whether it can be done."""
    return {**workflow_document(page.latest), "impossible": page.impossible, "differs": page.differs}


PAGES: Final = tuple(
    Page(
        f"/workflows/{{id}}/{name}",
        change.page,
        "viewer",
        partial(load, name),
        "acts/workflow.html",
        to_document,
        partial(act, name),
        change.role,
    )
    for name, change in CHANGES.items()
)
