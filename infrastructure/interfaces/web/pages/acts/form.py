"""What the form of every act carries: who sends it, what they saw, and a key by which a second click is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from ......domain.errors import FlowledgerError, NotFound, StorageError
from ...problems import problem_of
from ..page import Redirect, Refused
from ..query import whole
from .refused import RefusedAct, refused_act

if TYPE_CHECKING:
    from ...requests import Call, Form

SEEN: Final = "seen"
"""The field with the version that the page showed."""
KEY: Final = "key"
"""The field with the idempotency key."""


@dataclass(frozen=True, slots=True)
class ActForm:
    """The form of an act."""

    role: str
    """Who may send it."""
    may: bool
    """Whether who reads the page may."""
    by: str
    key: str
    seen: int
    """The version of the run, or workflow, that the page shows."""
    typed: Form
    """What was sent, where it wasn't done."""
    refused: RefusedAct | None


def act_form(call: Call, seen: int, refused: RefusedAct | None = None, role: str = "operator") -> ActForm:
    """A form that wasn't sent yet; one that was refused keeps what was typed, and is another one all the same."""
    return ActForm(role, call.may(role), call.by, f"page-{uuid4().hex}", seen, call.form, refused)


def preconditions(call: Call) -> dict[str, Any]:
    """What the form says of what its sender saw, as commands take it. A hand-made request may leave it out.

    Raises InvalidRequest for a version that is none.
    """
    return {
        "expected_version": whole(call.form, SEEN, 0) or None,
        "idempotency_key": call.form.get(KEY) or None,
    }


def reason_of(call: Call) -> str | None:
    """What was typed for why; None where nothing was."""
    return call.form.get("why", "").strip() or None


def attempt(
    call: Call, do: Callable[[], Redirect], load: Callable[[Call, RefusedAct], Any], *, of: str
) -> Redirect | Refused:
    """Do it, or show the page as things stand now, with why it wasn't done. ``of``: what it is done to, in words.

    Raises NotFound, StorageError, and what ``load`` raises.
    """
    try:
        return do()
    except (NotFound, StorageError):
        raise
    except FlowledgerError as error:
        return Refused(load(call, refused_act(error, of)), problem_of(error).status)
