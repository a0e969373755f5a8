"""Who asks, and what each role may do."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from .....domain.errors import InvalidRequest
from .....domain.values.names import check_name
from .....domain.values.roles import ROLES, Role
from .....domain.visible import quoted


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a name, which is the actor of what is done, and roles, of which the highest counts.

    ``viewer`` reads, ``operator`` also commands runs and answers, ``editor`` also saves and releases workflows,
    ``admin`` also archives, and looks after tokens, retention and erasure. Without a role nothing may be seen.

    Raises InvalidRequest (another role), InvalidValue (a name that can't be one).
    """

    name: str
    roles: Collection[str] = frozenset()

    def __post_init__(self) -> None:
        check_name(self.name, "name")
        if isinstance(self.roles, str) or not all(role in ROLES for role in self.roles):
            raise InvalidRequest(f"roles {quoted(self.roles)}: give a set of {', '.join(ROLES)}")
        object.__setattr__(self, "roles", frozenset(self.roles))

    @property
    def role(self) -> Role | None:
        """The highest of the roles; None where there is none."""
        return next((role for role in reversed(ROLES) if role in self.roles), None)

    def may(self, role: str) -> bool:
        """Whether one of the roles is this one, or above it."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


LOCAL: Final = Principal("local", {"admin"})
"""Whoever has this machine, where nothing else was said."""
