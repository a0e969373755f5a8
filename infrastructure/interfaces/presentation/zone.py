"""The zone in which this command reads and shows times: UTC, unless ``--tz`` names another."""

from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted

_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


def zone() -> tzinfo:
    """The zone."""
    return _zone.get()


def use_zone(name: str | None) -> None:
    """Use the zone of this name; UTC for None. Raises InvalidRequest for a name that no zone has."""
    _zone.set(UTC if name is None else named_zone(name, "--tz"))


def named_zone(name: str, option: str) -> tzinfo:
    """The zone of this name. Raises InvalidRequest, which calls it ``option``, where no zone has it."""
    from zoneinfo import ZoneInfo  # reads files, which a command without --tz needs none of

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no name at all, a folder of zones, no such zone
        raise InvalidRequest(f"{option} {quoted(name)} is no time zone; name one as Europe/Berlin, or UTC") from None


def zone_name(at: datetime) -> str:
    """How the offset of a shown time is written: ``Z`` for UTC, ``+02:00``."""
    return "Z" if zone() is UTC else at.isoformat()[-6:]
