"""The document of a run: its payload, the last output of each node, its metadata. What value filters read.

    {"payload": …, "output": {node id: …}, "metadata": {…}, "leftOut": {"payload": true, "output": {node id: true}}}

It stays small, so that it costs little beside the events: what is large is left out, and named under ``leftOut``.
"""

from collections.abc import Mapping
from typing import Any, Final

VARIABLES: Final = ("payload", "output", "metadata")
"""What filters see."""

LEFT_OUT: Final = "leftOut"

LONGEST_TEXT = 1_000
MOST_ITEMS = 100
DEEPEST = 16
LARGEST_NUMBER = 1e16
"""From here on a database may take a number with a fraction part for a whole one."""

LARGEST_VALUE = 2**14
LARGEST_DOCUMENT = 2**16
"""In characters of texts and keys, and 8 for each value."""

_VALUE = 8


class _TooLarge(Exception):
    """The value around must be left out."""


class Kept:
    """What is kept of an object: ``value``; ``whole`` when nothing was left out."""

    __slots__ = ("value", "weight", "whole")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.whole = True
        self.weight = 0
        self.value: dict[str, Any]
        try:
            self.value = self._keep(fields, 0)
        except _TooLarge:
            self.value, self.whole, self.weight = {}, False, 0

    def _keep(self, value: Any, depth: int) -> Any:
        kind = type(value)
        self.weight += _VALUE
        if self.weight > LARGEST_VALUE:
            raise _TooLarge
        if kind is str:
            self._keep_text(value)
            return value
        if kind is float and abs(value) >= LARGEST_NUMBER:
            raise _TooLarge
        if not isinstance(value, (Mapping, list)):
            return value
        if len(value) > MOST_ITEMS or depth == DEEPEST:
            raise _TooLarge
        if isinstance(value, Mapping):
            return self._keep_fields(value, depth)
        # Without one item, the others of a list would change places.
        return [self._keep(item, depth + 1) for item in value]

    def _keep_fields(self, fields: Mapping[str, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key, item in fields.items():
            before = self.weight
            try:
                self._keep_text(key)
                kept[key] = self._keep(item, depth + 1)
            except _TooLarge:
                if self.weight > LARGEST_VALUE:
                    raise
                self.whole, self.weight = False, before
        return kept

    def _keep_text(self, text: str) -> None:
        if len(text) > LONGEST_TEXT or key_of(text) != text:
            raise _TooLarge
        self.weight += len(text)


def key_of(name: str) -> str:
    """The name as every database's JSON can hold it, which knows neither NUL nor half of a character."""
    return name.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def weight_of(value: Any) -> int:
    """What a kept value weighs."""
    if isinstance(value, str):
        return _VALUE + len(value)
    if isinstance(value, dict):
        return _VALUE + sum(len(key) + weight_of(item) for key, item in value.items())
    if isinstance(value, list):
        return _VALUE + sum(map(weight_of, value))
    return _VALUE


class Document:
    """A run's document while its events are read. ``content`` is what is kept of it."""

    __slots__ = ("_bounded", "_weights", "content")

    def __init__(self, content: dict[str, Any] | None = None, *, bounded: bool = True) -> None:
        """With ``bounded=False`` nothing is left out."""
        self.content = content or {"payload": None, "output": {}, "metadata": {}}
        self._bounded = bounded
        self._weights: dict[tuple[str, str | None], int] = {}
        for name in ("payload", "metadata"):
            if name in self.content:
                self._weights[name, None] = len(name) + weight_of(self.content[name])
        for node_id, output in self.content["output"].items():
            self._weights["output", node_id] = len(node_id) + weight_of(output)

    def put(self, value: Any, name: str, node_id: str | None = None) -> None:
        """Set the payload, the metadata, or the output of a node."""
        holder, key = (self.content, name) if node_id is None else (self.content[name], node_id)
        path = (name, node_id)
        if not self._bounded:
            holder[key] = value
            return
        kept = Kept({key: value})
        self._weights.pop(path, None)
        fits = key in kept.value and kept.weight + sum(self._weights.values()) <= LARGEST_DOCUMENT
        if fits:
            holder[key] = kept.value[key]
            self._weights[path] = kept.weight - _VALUE
        else:
            holder.pop(key, None)
        self._note(name, node_id, left_out=not (fits and kept.whole))

    def merge(self, metadata: Mapping[str, Any]) -> None:
        """Merge into the metadata as the run does; null removes a key."""
        merged = {**self.content.get("metadata", {}), **metadata}
        was_left_out = "metadata" in self.content.get(LEFT_OUT, {})
        self.put({key: value for key, value in merged.items() if value is not None}, "metadata")
        if was_left_out:
            self._note("metadata", left_out=True)

    def _note(self, name: str, node_id: str | None = None, *, left_out: bool) -> None:
        if not left_out and LEFT_OUT not in self.content:
            return
        notes = self.content.setdefault(LEFT_OUT, {})
        holder, key = (notes, name) if node_id is None else (notes.setdefault(name, {}), key_of(node_id))
        if left_out:
            holder[key] = True
        else:
            holder.pop(key, None)
        if not notes.get("output", True):
            del notes["output"]
        if not notes:
            del self.content[LEFT_OUT]
