"""Hold, release, cancel and proceed with a run: a page for each, which says what it does before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ......domain.status import ENDED
from ......projections.runs.run import Run
from ....presentation.documents import run_document
from ...rendering.words import short_id
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names
from .form import ActForm, act_form, attempt, preconditions, reason_of
from .refused import RefusedAct

if TYPE_CHECKING:
    from ...requests import Call

Name = Literal["hold", "release", "cancel", "proceed"]


class Steering(NamedTuple):
    """A command on a run that is under way."""

    name: Name
    icon: str
    field: str | None
    """The argument with which somebody says why."""
    asks: str
    """What is asked for it."""
    will: tuple[str, ...]
    """What will happen."""
    done: str
    """What was done, behind the name of the run."""
    is_grave: bool = False


STEERINGS: Final[dict[Name, Steering]] = {
    steering.name: steering
    for steering in (
        Steering(
            "hold",
            "held",
            "reason",
            "Why",
            (
                "Nothing more is executed, and no answer is taken, until somebody releases it.",
                "A step that is being executed is still recorded.",
                "Questions stay open, and their deadlines stay what they are.",
            ),
            "is held",
        ),
        Steering(
            "release",
            "play",
            "note",
            "Note, which no node sees",
            ("The hold ends, and the run stands again where it was met.", "That by itself executes nothing."),
            "is released",
        ),
        Steering(
            "cancel",
            "stop",
            "reason",
            "Why",
            (
                "The run ends for good, as cancelled. Its questions close.",
                "A step that is being executed is still recorded, and what was done stays done.",
                "It can be retried afterwards.",
            ),
            "is cancelled",
            is_grave=True,
        ),
        Steering("proceed", "play", None, "", (), "went on"),
    )
}


@dataclass(frozen=True, slots=True)
class SteerPage:
    """A run, and what is about to be done with it."""

    steering: Steering
    run: Run
    impossible: str | None
    """Why it can't be done as the run stands."""
    will: tuple[str, ...]
    form: ActForm
    copy_as: CopyAs
    back: str


def load(name: Name, call: Call, refused: RefusedAct | None = None) -> SteerPage:
    """The page of a command. Raises RunNotFound, InvalidRequest."""
    check_names(call.query, ())
    run = call.ledger.runs.get(call.part("run"))
    steering = STEERINGS[name]
    why_not = _WHY_NOT[name](call, run)
    return SteerPage(
        steering,
        run,
        why_not,
        _proceeds(run) if name == "proceed" else steering.will,
        act_form(call, run.version, refused),
        CopyAs(
            call.links.data(name, run=run.id),
            command_line(["run", name, f"{run.id}@{run.version}"], {}),
            python_call(f"runs.{name}", {"by": call.by, "expected_version": run.version}, run.id),
        ),
        call.links("run", run=run.id),
    )


def act(name: Name, call: Call) -> Redirect | Refused:
    """Do it. Raises RunNotFound, InvalidRequest, StorageError."""
    run_id, steering = call.part("run"), STEERINGS[name]
    said = {} if steering.field is None else {steering.field: reason_of(call)}

    def do() -> Redirect:
        command: Callable[..., Run] = getattr(call.ledger.runs, name)
        run = command(run_id, by=call.by, **said, **preconditions(call))
        stands = "" if name == "cancel" else f", and is {run.status}" if run.held is None else ""
        return Redirect(call.links("run", run=run_id), f"Run {short_id(run_id)} {steering.done}{stands}.")

    return attempt(call, do, partial(load, name), of="The run")


def _ended(run: Run) -> str | None:
    return f"The run has ended: it is {run.status}." if run.status in ENDED else None


def _why_no_hold(_: Call, run: Run) -> str | None:
    return _ended(run) or (None if run.held is None else f"{run.held.by} holds it already.")


def _why_no_release(_: Call, run: Run) -> str | None:
    return _ended(run) or ("Nobody holds the run." if run.held is None else None)


def _why_no_cancel(_: Call, run: Run) -> str | None:
    return _ended(run)


def why_no_proceed(call: Call, run: Run) -> str | None:
    """Why a run can't go on by a command; None where it can."""
    if (ended := _ended(run)) is not None:
        return ended
    if run.held is not None:
        return f"{run.held.by} holds the run: release it first."
    if run.status == "paused":
        until = run.waits[0].until if run.waits else None
        return None if until is not None and until <= call.now else "The run waits for an answer."
    if run.status == "active":
        busy = next((each for each in call.ledger.workers() if each.is_alive and run.id in each.running), None)
        return None if busy is None else f"{busy.name} executes it, on {busy.host}."
    return None


_WHY_NOT: Final[dict[Name, Callable[[Call, Run], str | None]]] = {
    "hold": _why_no_hold,
    "release": _why_no_release,
    "cancel": _why_no_cancel,
    "proceed": why_no_proceed,
}


def _proceeds(run: Run) -> tuple[str, ...]:
    node = run.snapshot.current_node_id
    if run.status == "error":
        begins = f"{node} is tried again at once, before that is due."
    elif run.status == "paused":
        begins = f"The deadline counts as the answer: {node} runs again, and is told that nobody answered."
    else:
        begins = f"{node} is executed: nobody does that now."
    return (begins, "This server executes it, and the page comes back when the run pauses or ends.")


def to_document(page: SteerPage) -> dict[str, Any]:
    """The run as it stands, and whether it can be done."""
    return {**run_document(page.run), "impossible": page.impossible}


PAGES: Final = tuple(
    Page(
        f"/runs/{{run}}/{name}",
        name,
        "viewer",
        partial(load, name),
        "acts/steer.html",
        to_document,
        partial(act, name),
    )
    for name in STEERINGS
)
