"""Values that differ, as people read them: path, before and after, large values abbreviated, texts line by line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from ...domain.values.json import render_path
from ...domain.values.json_pointer import Path
from .json_patch import Operation
from .text import unified_diff


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that differs: its path (``data.items[3]``), and the value before and after."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    """The value before; None also if there was none."""
    after: Any = None

    @property
    def text(self) -> str | None:
        """A unified diff, if the values are texts of several lines."""
        texts = [value for value in (self.before, self.after) if value is not None]
        if not all(isinstance(value, str) for value in texts) or not any("\n" in value for value in texts):
            return None
        return unified_diff(self.before, self.after)

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        data: dict[str, Any] = {"path": self.path, "kind": self.kind}
        if self.kind != "added":
            data["before"] = self.before
        if self.kind != "removed":
            data["after"] = self.after
        text = self.text
        return data if text is None else data | {"diff": text}


def value_changes(operations: Iterable[Operation]) -> tuple[ValueChange, ...]:
    """What the operations of a patch do, value by value. What moved was removed here and added there."""
    return tuple(change for operation in operations for change in _changes(operation))


def _changes(done: Operation) -> Iterator[ValueChange]:
    match done.op:
        case "replace":
            yield ValueChange(_render(done.path), "changed", done.before, done.after)
        case "add":
            yield ValueChange(_render(done.path), "added", after=done.after)
        case "remove":
            yield ValueChange(_render(done.path), "removed", done.before)
        case "move":
            yield ValueChange(_render(done.source), "removed", done.before)
            yield ValueChange(_render(done.path), "added", after=done.after)


def _render(path: Path) -> str:
    return render_path(path).removeprefix(".")


def change_lines(change: ValueChange, lead: str) -> Iterator[str]:
    """A change in words: one line, or for texts one with its place, and below it those that differ, indented."""
    text = change.text
    if text is not None:
        yield f"{lead}{change.path}:"
        for line in text.split("\n"):
            yield f"{TEXT_INDENT}{line}"
    elif change.kind == "changed":
        yield f"{lead}{change.path}: {abbreviate(change.before)} → {abbreviate(change.after)}"
    else:
        value = change.after if change.kind == "added" else change.before
        yield f"{lead}{change.path}: {change.kind}, {abbreviate(value)}"


def abbreviate(value: Any) -> str:
    """A value on one line; of a large one its beginning, its size, and a digest that distinguishes it from others."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= _READ:
        return line
    data = line.encode()
    return f"{line[:_READ]}… ({len(data):,} bytes, sha256 {sha256(data).hexdigest()[:_DIGEST]})"


TEXT_INDENT = "      "
"""Stands before each line of a text that differs."""

_READ = 120
"""Characters of a value that people read; ``to_data()`` and patches have all of it."""

_DIGEST = 12
"""Characters of a digest."""
