"""How each part of a JSON value is shown: where it leads, since when it is there, whether it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .....domain.values.json_pointer import Path, json_pointer


class Versions(Protocol):
    """What is known of the versions of a value's parts."""

    def since(self, path: Path) -> int:
        """The version at which it came; 0: it is no part that comes later."""
        ...

    def steps(self, path: Path) -> list[list[Any]] | None:
        """From which version on it was what; None: it is always the same."""
        ...

    def times(self, path: Path) -> list[list[Any]] | None:
        """From which version on an object is there; a version alone: it isn't. None: it always is."""
        ...

    def is_there(self, path: Path) -> bool:
        """Whether it is there at the version that is shown."""
        ...


@dataclass(frozen=True, slots=True)
class JsonView:
    """For the macro ``json_value``."""

    url_of: Callable[[str], str | None] | None = None
    """The address under which it is told who set a value; None: values don't lead anywhere."""
    blamed: str | None = None
    """The pointer of the value of which that is told."""
    version: int = 0
    """The one that is shown."""
    versions: Versions | None = None
    changed: frozenset[Path] = field(default_factory=frozenset)
    added: frozenset[Path] = field(default_factory=frozenset)
    rest: str = "in the JSON of this page"
    """Where the members are that aren't shown."""

    def url(self, pointer: str) -> str | None:
        """Where a scalar leads."""
        return None if self.url_of is None else self.url_of(pointer)

    def since(self, path: Path) -> int:
        """The version at which a part came; 0: it is no part that comes later."""
        return 0 if self.versions is None else self.versions.since(path)

    def steps(self, path: Path) -> list[list[Any]] | None:
        """From which version on a value was what; None: it is always the same."""
        return None if self.versions is None else self.versions.steps(path)

    def times(self, path: Path) -> list[list[Any]] | None:
        """From which version on an object is there; a version alone: it isn't. None: it always is."""
        return None if self.versions is None else self.versions.times(path)

    def is_there(self, path: Path) -> bool:
        """Whether a part is there at the version that is shown."""
        return self.versions is None or self.versions.is_there(path)

    def opens(self, path: Path) -> bool:
        """Whether something in it is to be seen at once."""
        if self.blamed is not None and f"{self.blamed}/".startswith(f"{json_pointer(path)}/"):
            return True
        return any(place[: len(path)] == path for places in (self.changed, self.added) for place in places)
