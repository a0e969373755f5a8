"""Tokens: who may use the pages and the API; made, shown once, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import FlowledgerError, InvalidRequest, StorageError
from .....domain.values.roles import ROLES
from .....domain.visible import quoted
from .....projections.access import Token
from ...presentation.documents import token_document
from ...presentation.inputs import read_deadline
from ..problems import problem_of
from ..rendering.frame import reader_zone
from .copy_as import CopyAs, command_line, python_call
from .page import Page, Redirect, Refused, Shown
from .query import check_names

if TYPE_CHECKING:
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class TokensPage:
    """All tokens, and a form for another one."""

    tokens: tuple[Token, ...]
    """Those that are in use first, then the newest first."""
    roles: tuple[str, ...]
    typed: Mapping[str, str]
    """What was sent, where it wasn't done."""
    fault: str | None
    """Why it wasn't."""
    made: Token | None
    """The one that was made a moment ago, with its secret."""
    copy_as: CopyAs

    def is_in_use(self, token: Token) -> bool:
        """Whether it holds its name, even where it has expired."""
        return token.revoked_at is None


def load(call: Call, fault: str | None = None, made: Token | None = None) -> TokensPage:
    """Raises InvalidRequest, StorageUnavailable."""
    check_names(call.query, ())
    tokens = sorted(call.ledger.tokens.list(), key=lambda token: token.made_at, reverse=True)
    tokens.sort(key=lambda token: token.revoked_at is not None)
    return TokensPage(
        tuple(tokens),
        ROLES,
        {} if fault is None else dict(call.form),
        fault,
        made,
        CopyAs(call.links.api("/tokens"), command_line(["token", "list"], {}), python_call("tokens.list", {})),
    )


def act(call: Call) -> Redirect | Refused | Shown:
    """Make a token, or take one back."""
    name = call.form.get("name", "").strip()
    try:
        match call.form.get("do"):
            case "make":
                return Shown(load(call, made=_make(call, name)))
            case "revoke":
                call.ledger.tokens.revoke(name, by=call.by)
                return Redirect(call.links("tokens"), f"Revoked the token of {name}.")
            case other:
                raise InvalidRequest(f"do {quoted(other)} is neither make nor revoke")
    except StorageError:
        raise
    except FlowledgerError as error:
        return Refused(load(call, str(error)), problem_of(error).status)


def _make(call: Call, name: str) -> Token:
    expires = call.form.get("expires", "").strip() or None
    until = read_deadline(expires, "expires", now=call.now, of=reader_zone(call.request.cookies)[0])
    return call.ledger.tokens.create(name, call.form.get("role", ""), expires=until, by=call.by)  # type: ignore[arg-type]


def to_document(page: TokensPage) -> dict[str, Any]:
    """As the command line's ``--json`` has them."""
    return {"tokens": [token_document(token) for token in page.tokens]}


PAGES: Final = (Page("/tokens", "tokens", "admin", load, "tokens.html", to_document, act, "admin"),)
