"""Requests that are refused before a handler sees them."""

from typing import Any

from starlette.exceptions import HTTPException

from .principals import Principal


class Refusal(HTTPException):
    """A refusal in words, with what a program may want to know of it."""

    def __init__(
        self, status: int, title: str, detail: str, headers: dict[str, str] | None = None, **fields: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.title = title
        self.fields = fields


def unknown_caller(detail: str) -> Refusal:
    """Nobody has said who asks, and no sign-in of ours would change that."""
    return Refusal(403, "Not known here", detail)


def not_signed_in(detail: str) -> Refusal:
    """A token is needed."""
    return Refusal(401, "Not signed in", detail, {"WWW-Authenticate": 'Bearer realm="flowledger"'})


def role_missing(principal: Principal, role: str) -> Refusal:
    """It is known who asks, and that isn't enough."""
    has = "no role" if principal.role is None else f"the role {principal.role}"
    return Refusal(
        403,
        "Role missing",
        f"this takes the role {role}, and {principal.name} has {has}: ask an admin for it",
        role=role,
    )
