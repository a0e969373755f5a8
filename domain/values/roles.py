"""The roles of who uses the pages and the API."""

from typing import Final, Literal, get_args

Role = Literal["viewer", "operator", "editor", "admin"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""Each may do what those before it may."""
