"""Addresses of pages and files, under whatever prefix the app is mounted."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from .segments import write_segment

_PLACEHOLDER = re.compile(r"\{(\w+)(?::path)?\}")


class Links:
    """``links("run", run=id, version=7)``: the path of a page by its name; what isn't in its path goes to the query.

    The query is sorted, and what is None, False or empty is left out, so that equal views have equal addresses.
    """

    __slots__ = ("_base", "_paths")

    def __init__(self, base: str, paths: Mapping[str, str]) -> None:
        self._base = base
        self._paths = paths

    @property
    def base(self) -> str:
        """The prefix: nothing, or such as ``/ops/ledger``."""
        return self._base

    def __call__(self, name: str, /, **values: Any) -> str:
        """Raises KeyError for a page that there isn't, or a value that its path lacks."""
        path = self._path(name, values)
        if path.endswith(".json") and self._paths[name].endswith("}"):
            path += "/"  # a name that looks like data's
        return self._base + path + _query(values)

    def knows(self, name: str) -> bool:
        """Whether there is a page of that name."""
        return name in self._paths

    def data(self, name: str, /, **values: Any) -> str:
        """The same page as JSON."""
        path = self._path(name, values)
        return f"{self._base}{path}.json{_query(values)}"

    def _path(self, name: str, values: dict[str, Any]) -> str:
        """The path of a page; its values are taken out of ``values``."""
        return _PLACEHOLDER.sub(lambda found: _segment(found, values), self._paths[name])

    def api(self, path: str, **query: Any) -> str:
        """An address of the API: ``links.api("/runs", status="failed")``; the path is written as it is to be sent."""
        return f"{self._base}/api{path}{_query(query)}"


def _segment(found: re.Match[str], values: dict[str, Any]) -> str:
    value = str(values.pop(found[1]))
    return quote(value) if found[0].endswith(":path}") else write_segment(value)


def _query(values: Mapping[str, Any]) -> str:
    pairs = [(name, item) for name, value in sorted(values.items()) for item in _items(value)]
    return f"?{urlencode(pairs)}" if pairs else ""


def _items(value: Any) -> Iterable[str]:
    if value is None or value is False or value == "":
        return ()
    if value is True:
        return ("true",)
    if isinstance(value, list | tuple | set | frozenset):
        return [str(item) for item in value]
    return (value.isoformat(),) if hasattr(value, "isoformat") else (str(value),)
