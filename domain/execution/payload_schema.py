"""What a workflow may be started with: the input schema of its first node, seen through that node's expressions."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, cast

from ..expressions.lexer import placeholders, tokenize
from ..expressions.references import find_references
from .executors import InputSchema

Keys = tuple[str, ...]


class PayloadSchema(NamedTuple):
    """A JSON Schema of payloads, and where in them the parts of the node's input come from."""

    schema: Mapping[str, Any]
    places: Mapping[Keys, Keys]
    """Path in the node's input → path in the payload, of what is handed on as it is."""

    def in_payload(self, path: str) -> str:
        """The path in the payload of a path in the input, both with dots; that itself where it comes from elsewhere."""
        keys = tuple(path.split(".")) if path else ()
        for end in range(len(keys), -1, -1):
            if (place := self.places.get(keys[:end])) is not None:
                return ".".join((*place, *keys[end:]))
        return path


def payload_schema(input: InputSchema | None, data: Any) -> PayloadSchema | None:
    """The schema that follows from what the node's ``data`` takes from the payload: ``"{{ payload.order.id }}"``.

    None where nothing does: then a payload may be anything. What an expression only computes with is a property that
    may be anything. The schema of the input decides in the end what is taken.
    """
    whole = _as_json(input)
    found = _Found(whole)
    found.read(data, whole, ())
    if found.schema is None:
        return None
    definitions = {"$defs": whole["$defs"]} if "$defs" in whole else {}
    return PayloadSchema({**found.schema, **definitions}, found.places)


def _as_json(input: InputSchema | None) -> Mapping[str, Any]:
    if input is None:
        return {}
    return input if isinstance(input, Mapping) else input.model_json_schema()


class _Found:
    def __init__(self, whole: Mapping[str, Any]) -> None:
        self.schema: dict[str, Any] | None = None
        self.places: dict[Keys, Keys] = {}
        self._whole = whole

    def read(self, data: Any, rule: Mapping[str, Any], path: Keys) -> None:
        """Take what the part of the node's data at ``path`` says; ``rule`` is that of the input's same part."""
        if isinstance(data, str):
            self._read_text(data, rule, path)
        elif isinstance(data, Mapping):
            rules = _resolve(rule, self._whole).get("properties")
            for name, part in cast("Mapping[str, Any]", data).items():
                own = rules.get(name) if isinstance(rules, Mapping) else None
                self.read(part, own if isinstance(own, Mapping) else {}, (*path, name))
        elif isinstance(data, Sequence):
            for number, part in enumerate(data):
                self.read(part, {}, (*path, str(number)))

    def _read_text(self, text: str, rule: Mapping[str, Any], path: Keys) -> None:
        for found in placeholders(text):
            tokens = tokenize(found.source)
            for reference in find_references(tokens, ("payload",)):
                keys = tuple(key for key in reference.keys if isinstance(key, str))
                if len(keys) < len(reference.keys):  # an item of a list
                    continue
                is_alone = (found.start, found.end) == (0, len(text))
                if is_alone and (reference.first, reference.end) == (0, len(tokens)):
                    self.places[path] = keys
                    self._put(keys, rule, is_needed=True)  # without it the expression has no value
                elif keys and not reference.presence_only:
                    self._put(keys, {}, is_needed=False)

    def _put(self, keys: Keys, rule: Mapping[str, Any], *, is_needed: bool) -> None:
        """Put the rule of a part of the payload where it belongs."""
        at = self.schema = {} if self.schema is None else self.schema
        for key in keys:
            at.setdefault("type", "object")
            if is_needed and key not in at.setdefault("required", []):
                at["required"].append(key)
            at = at.setdefault("properties", {}).setdefault(key, {})
        if not at:
            at.update(deepcopy(dict(rule)))


def _resolve(rule: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = rule.get("$ref")
    if not isinstance(reference, str):
        return rule
    found = whole.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
    return found if isinstance(found, Mapping) else {}
