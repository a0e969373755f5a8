"""The table of subscriptions: how far each follower has come in the log, and who follows it under that name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .errors import ConnectionLost, translate_errors


class Place(NamedTuple):
    """A place in the log: behind an event."""

    position: int
    """Of the event; 0: before the first."""
    stream: str | None = None
    """What identifies the event, as far as that is known: others may come to lie at its position."""
    version: int | None = None
    header: bytes | None = None


class Holder(NamedTuple):
    """Who follows the log under a name."""

    id: str
    host: str
    pid: int


class KeptPlace(NamedTuple):
    """A row of the table; times in microseconds since 1970."""

    name: str
    place: Place
    kept_at: int
    """When the position was kept last."""
    holder: Holder | None
    """The last one who took it, and hasn't given it back."""
    lease_until: int


class SubscriptionTable:
    """One statement for each change, so that of two who want a name one gets it.

    ``execute`` runs a named statement, durably, and returns its rows.
    """

    def __init__(self, execute: Callable[[str, Mapping[str, Any]], list[Any]]) -> None:
        self._execute = execute

    def take(self, name: str, first: Place, holder: Holder, now: int, lease_until: int) -> Place | None:
        """Take a name that nobody holds, or whose lease has run out; a new one begins at ``first``. Its place.

        None where somebody else holds it.
        """
        parameters = {"name": name, **_columns(first), **holder._asdict(), "now": now, "lease_until": lease_until}
        rows = self._run("take_subscription", parameters)
        return Place._make(rows[0]) if rows else None

    def keep(self, name: str, place: Place, holder: str, now: int, lease_until: int) -> bool:
        """Keep a place, and renew the lease. False where somebody else holds the name by now."""
        parameters = {"name": name, **_columns(place), "id": holder, "now": now, "lease_until": lease_until}
        return bool(self._run("keep_subscription", parameters))

    def renew(self, name: str, holder: str, lease_until: int) -> bool:
        """Renew the lease. False where somebody else holds the name by now."""
        return bool(self._run("renew_subscription", {"name": name, "id": holder, "lease_until": lease_until}))

    def give_back(self, name: str, holder: str) -> None:
        """Let others take the name at once."""
        self._run("give_back_subscription", {"name": name, "id": holder})

    def move(self, name: str, place: Place, now: int) -> bool:
        """Move a name that nobody holds. False where it is held, or there is none."""
        return bool(self._run("move_subscription", {"name": name, **_columns(place), "now": now}))

    def forget(self, name: str, now: int) -> bool:
        """Forget a name that nobody holds. False where it is held, or there is none."""
        return bool(self._run("forget_subscription", {"name": name, "now": now}))

    def all(self) -> list[KeptPlace]:
        """All of them, by name."""
        return list(map(_kept, self._run("subscriptions", {})))

    def _run(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        with translate_errors():
            try:
                return self._execute(query, parameters)
            except ConnectionLost:
                return self._execute(query, parameters)  # each of them may run twice


def _columns(place: Place) -> dict[str, Any]:
    return {
        "position": place.position,
        "last_stream": place.stream,
        "last_version": place.version,
        "last_header": place.header,
    }


def _kept(row: Any) -> KeptPlace:
    name, position, stream, version, header, kept_at, holder, host, pid, lease_until = row
    held_by = None if holder is None else Holder(holder, host or "", pid or 0)
    return KeptPlace(name, Place(position, stream, version, header), kept_at, held_by, lease_until or 0)
