"""URL schemes of stores that other packages provide, found by their entry points."""

import re
from importlib.metadata import EntryPoint, entry_points

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable

GROUP = "flowledger.stores"


class UnknownScheme(Exception):
    """No installed package provides stores with this scheme."""


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)


def known_schemes() -> list[str]:
    """The schemes that installed packages provide."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def open_by_scheme(url: str, shown: str, *, create: bool, max_event_bytes: int) -> object:
    """Open a store by the package that knows the URL's scheme.

    ``shown`` is the URL without its password. Raises UnknownScheme when there is no such package, InvalidRequest when
    there are two, StorageUnavailable when the package can't be loaded or can't open the store, and errors of
    flowledger that the package raises.
    """
    scheme = _SCHEME.match(url)
    point = scheme and _entry_point(scheme[1].lower())
    if point is None:
        raise UnknownScheme
    try:
        return point.load()(url, create=create, max_event_bytes=max_event_bytes)
    except FlowledgerError:
        raise
    except Exception as error:
        raise StorageUnavailable(
            f"the store at {shown} can't be opened by {_describe(point)}: {type(error).__name__}: {error}"
        ) from error


def _entry_point(scheme: str) -> EntryPoint | None:
    found = {point.value: point for point in entry_points(group=GROUP, name=scheme)}
    if len(found) > 1:
        raise InvalidRequest(
            f"the scheme {scheme}: is claimed by {' and by '.join(sorted(map(_describe, found.values())))}: "
            "uninstall one of them, or open the store yourself and hand it to open_ledger"
        )
    return next(iter(found.values()), None)


def _describe(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of {point.dist.name} {point.dist.version}"
    return f"{point.value}{package}"
