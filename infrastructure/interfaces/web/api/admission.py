"""Which role a route takes: the type of its first parameter says it."""

from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request

from .....domain.values.roles import ROLES
from ..requests import Call
from ..site import site_of


class Admission:
    """Admits whoever has a role, and makes the call."""

    def __init__(self, role: str) -> None:
        self.role: Final = role

    async def __call__(self, request: Request) -> Call:
        """Raises Refusal."""
        return await site_of(request).admit(request, self.role)


_VIEWER, _OPERATOR, _EDITOR, _ADMIN = (Depends(Admission(role)) for role in ROLES)

Viewer = Annotated[Call, _VIEWER]
Operator = Annotated[Call, _OPERATOR]
Editor = Annotated[Call, _EDITOR]
Admin = Annotated[Call, _ADMIN]
