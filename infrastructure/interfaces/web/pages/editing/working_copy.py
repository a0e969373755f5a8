"""A definition that is being edited: it travels with the form, so nothing is kept here until it is saved."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError

from ......domain.errors import InvalidDefinition, InvalidRequest
from ......domain.values.json_compare import json_digest
from ......domain.workflow import Difference, merge
from ......domain.workflow.definition import Edge, WorkflowDefinition
from .....files.text import parse_json

LONGEST: Final = 4 * 1024 * 1024
"""Characters of a definition, as JSON, that is edited on a page."""


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """What somebody makes of a version."""

    base: int
    """The version that it began with."""
    definition: dict[str, Any]
    """As JSON: nodes of different ids, edges that are edges; the rest may be wrong for now."""
    key: str
    """One for each time that editing began: what is sent twice is done once."""

    @property
    def text(self) -> str:
        """The definition as the form carries it."""
        return json.dumps(self.definition, separators=(",", ":"))

    @property
    def node_ids(self) -> tuple[str, ...]:
        """In the order of the definition."""
        return tuple(node["id"] for node in self.definition["nodes"])

    def with_definition(self, definition: Mapping[str, Any]) -> WorkingCopy:
        """With another definition."""
        return replace(self, definition=dict(definition))

    def changes_since(self, base: Mapping[str, Any]) -> tuple[Difference, ...]:
        """What is other than in this definition."""
        return merge(base, base, self.definition, within=True).differences

    def faults(self) -> InvalidDefinition | None:
        """What keeps it from being saved, as far as that shows without executors."""
        try:
            WorkflowDefinition.model_validate(self.definition)
        except InvalidDefinition as error:
            return error
        return None

    def idempotency_key(self, message: str | None, *, draft: bool) -> str:
        """The same for the same save of what began at the same time."""
        return f"edit-{self.key}-{json_digest([self.base, self.definition, message, draft])[:16]}"


def begin(base: int, definition: WorkflowDefinition) -> WorkingCopy:
    """What somebody begins with. Raises InvalidRequest where it is too large for a page."""
    copy = WorkingCopy(base, json.loads(json.dumps(definition.to_data())), uuid4().hex)
    if (length := len(copy.text)) > LONGEST:
        raise InvalidRequest(
            f"the definition has {length:,} characters, and {LONGEST:,} can be edited on a page: "
            "export it, edit the file and save that (flowledger workflow export, flowledger workflow save)"
        )
    return copy


def read_copy(form: Mapping[str, str]) -> WorkingCopy:
    """What the form carries. Raises InvalidRequest where that isn't what a page of ours sent."""
    definition = parse_json(form.get("definition", ""), "definition")
    base = _whole(form, "base")
    if base is None:
        raise InvalidRequest("base: which version was edited?")
    key = form.get("key", "")
    if not (key.isascii() and key.isalnum() and len(key) <= _LONGEST_KEY):
        raise InvalidRequest("key: it is that of the page on which editing began")
    return WorkingCopy(base, _checked(definition), key)


_LONGEST_KEY: Final = 64


def _whole(form: Mapping[str, str], name: str) -> int | None:
    typed = form.get(name, "")
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS):
        raise InvalidRequest(f"{name}: it is the number of a version")
    return int(typed)


_DIGITS: Final = 18


def _checked(definition: Any) -> dict[str, Any]:
    if not isinstance(definition, dict):
        raise InvalidRequest("definition: it is an object")
    checked: dict[str, Any] = {"edges": [], **definition}
    nodes, edges = checked.get("nodes"), checked["edges"]
    if not isinstance(nodes, list) or not isinstance(edges, list):
        raise InvalidRequest("definition: nodes and edges are lists")
    if not all(isinstance(node, dict) and _is_text(node.get("id")) and _is_text(node.get("type")) for node in nodes):
        raise InvalidRequest("definition: each node is an object with an id and a type")
    if twice := [name for name, count in Counter(node["id"] for node in nodes).items() if count > 1]:
        raise InvalidRequest(f"definition: several nodes have the id {twice[0]!r}")
    try:
        for edge in edges:
            Edge.model_validate(edge)
    except ValidationError as error:
        raise InvalidRequest(f"definition: an edge isn't one: {error.errors()[0]['msg']}") from None
    if any("source_handle" in edge for edge in edges):
        raise InvalidRequest("definition: edges say sourceHandle")
    return checked


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
