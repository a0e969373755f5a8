"""A form made from a JSON Schema, and the value that a form sent.

What is flat has a field of its own: text, numbers, yes or no, a choice, a date, also one object deep. What isn't has a
box for JSON. The schema decides in the end what is taken: the form only helps to write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from .....domain.errors import Fault, InvalidRequest
from .....domain.visible import quoted
from ....files.text import parse_json
from ...presentation.documents import to_json

Kind = Literal["yes-no", "choice", "text", "long", "number", "date", "json"]


class Option(NamedTuple):
    """One of a choice."""

    value: str
    """As JSON."""
    word: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form."""

    path: tuple[str, ...]
    """Of the property: its name, or that of the object that it is in, and its own. Empty: the whole value."""
    kind: Kind
    title: str
    is_needed: bool
    hint: str | None
    options: tuple[Option, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None
    """Characters of a text."""
    typed: str = ""
    """What is in it."""
    fault: str | None = None
    root: str = "answer"
    """What the whole value is called in the form."""

    @property
    def name(self) -> str:
        """Of the input: the path as errors write it, in a form of its own."""
        return f"{self.root}.{self.prop}" if self.path else self.root

    @property
    def prop(self) -> str:
        """The property's name."""
        return ".".join(self.path)


WHOLE: Final = Field((), "json", "Answer", True, "any JSON")
"""The field of what has no schema, or one that isn't flat."""

LONG: Final = 80
"""Characters from which a text gets more than one line."""


def fields_of(schema: Mapping[str, Any] | None, whole: Field = WHOLE) -> tuple[Field, ...]:
    """The fields for a value that fits the schema; ``whole``: the one of a value that isn't flat."""
    if schema is None:
        return (whole,)
    rules = _resolve(schema, schema)
    properties = rules.get("properties")
    if rules.get("type") != "object" or not isinstance(properties, Mapping) or not properties:
        return (replace(whole, hint=None),)
    return tuple(replace(field, root=whole.root) for field in _fields(rules, schema, ()))


def with_value(fields: Sequence[Field], value: Any) -> tuple[Field, ...]:
    """The fields with the parts of a value in them, as somebody would have typed it."""
    return tuple(replace(field, typed=_typed(field, value)) for field in fields)


def _typed(field: Field, value: Any) -> str:
    for name in field.path:
        if not isinstance(value, Mapping) or name not in value:
            return ""
        value = value[name]
    if field.kind in ("text", "long", "date") and isinstance(value, str):
        return value
    return to_json(value) if field.kind == "json" else json.dumps(value, ensure_ascii=False)


def _fields(rules: Mapping[str, Any], schema: Mapping[str, Any], within: tuple[str, ...]) -> list[Field]:
    needed = _strings(rules.get("required"))
    found: list[Field] = []
    for name, given in rules["properties"].items():
        rule = _resolve(given, schema)
        path = (*within, name)
        inner = rule.get("properties")
        if not within and rule.get("type") == "object" and isinstance(inner, Mapping) and inner and name in needed:
            found += _fields(rule, schema, path)
        else:
            found.append(_field(path, rule, is_needed=name in needed))
    return found


def _field(path: tuple[str, ...], rule: Mapping[str, Any], *, is_needed: bool) -> Field:
    title = rule.get("title")
    kind, options = _kind(rule)
    default = rule.get("default")
    typed = ""
    if default is not None:
        typed = default if kind in ("text", "long", "date") and isinstance(default, str) else json.dumps(default)
    return Field(
        path,
        kind,
        title if isinstance(title, str) else path[-1].replace("_", " ").capitalize(),
        is_needed,
        _hint(rule, kind, is_needed=is_needed),
        options,
        _number(rule.get("minimum")),
        _number(rule.get("maximum")),
        rule["maxLength"] if isinstance(rule.get("maxLength"), int) else None,
        typed,
    )


def _kind(rule: Mapping[str, Any]) -> tuple[Kind, tuple[Option, ...]]:
    choice = rule.get("enum", [rule["const"]] if "const" in rule else None)
    if isinstance(choice, Sequence) and not isinstance(choice, str):
        return "choice", tuple(map(_option, choice))
    match rule.get("type"):
        case "boolean":
            return "yes-no", ()
        case "integer" | "number":
            return "number", ()
        case "string" if rule.get("format") == "date":
            return "date", ()
        case "string":
            return ("long" if (_number(rule.get("maxLength")) or 0) > LONG else "text"), ()
        case _:
            return "json", ()


def _option(value: Any) -> Option:
    text = json.dumps(value, ensure_ascii=False)
    return Option(text, value if isinstance(value, str) else text)


def _hint(rule: Mapping[str, Any], kind: Kind, *, is_needed: bool) -> str | None:
    """What the field takes, before anything is typed."""
    said = ["needed"] if is_needed else []
    low, high = _number(rule.get("minimum")), _number(rule.get("maximum"))
    if low is not None and high is not None:
        said.append(f"{low:,} to {high:,}")
    elif low is not None or high is not None:
        said.append(f"at least {low:,}" if low is not None else f"at most {high:,}")
    if kind in ("text", "long") and (longest := _number(rule.get("maxLength"))) is not None:
        said.append(f"at most {longest:,} characters")
    if kind == "json":
        said.append("as JSON")
    if isinstance(about := rule.get("description"), str):
        said.append(about)
    return ", ".join(said) or None


def filled(fields: Sequence[Field], form: Mapping[str, str], faults: Sequence[Fault] = ()) -> tuple[Field, ...]:
    """The fields with what was typed, and what is wrong beside each."""
    return tuple(
        replace(
            field,
            typed=form.get(field.name, ""),
            fault=next((fault.message for fault in faults if _concerns(fault, field)), None),
        )
        for field in fields
    )


def elsewhere(fields: Sequence[Field], faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """What is wrong and concerns none of the fields."""
    return tuple(fault for fault in faults if not any(_concerns(fault, field) for field in fields))


def _concerns(fault: Fault, field: Field) -> bool:
    if not field.path:
        return True
    if fault.path == field.prop:
        return True
    return field.kind == "json" and fault.path.startswith((f"{field.prop}.", f"{field.prop}["))


class Sent(NamedTuple):
    """What a form sent."""

    value: Any
    faults: tuple[Fault, ...]
    """What can't be read."""


def read_value(fields: Sequence[Field], form: Mapping[str, str]) -> Sent:
    """The value: fields that were left empty aren't in it."""
    faults: list[Fault] = []
    value: dict[str, Any] = {}
    for field in fields:
        typed = form.get(field.name, "")
        if typed.strip() == "":
            if field.is_needed:
                faults.append(Fault(field.prop, "needed: nothing was chosen or typed"))
            continue
        try:
            read = _read(field, typed)
        except InvalidRequest as error:
            faults.append(Fault(field.prop, str(error)))
            continue
        if not field.path:
            return Sent(read, tuple(faults))
        inside = value
        for name in field.path[:-1]:
            inside = inside.setdefault(name, {})
        inside[field.path[-1]] = read
    return Sent(value if fields[0].path else None, tuple(faults))


def _read(field: Field, typed: str) -> Any:
    """Raises InvalidRequest."""
    if field.kind in ("text", "long", "date"):
        if field.longest is not None and len(typed) > field.longest:
            raise InvalidRequest(f"{len(typed):,} characters, and {field.longest:,} are taken")
        return typed
    if field.kind == "number" and _number(parse_json(typed, field.title)) is None:
        raise InvalidRequest(f"{quoted(typed)} is no number")
    if field.kind == "choice" and typed not in [option.value for option in field.options]:
        raise InvalidRequest(f"it is one of {', '.join(option.word for option in field.options)}")
    return parse_json(typed, field.title)


# --- pieces of schemas ------------------------------------------------------------------------------------------------


def _resolve(rule: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rule behind its reference, and without the null beside it that pydantic writes for what is optional."""
    for _ in range(_REFERENCES):
        if not isinstance(rule, Mapping):
            return {}
        ways = rule.get("anyOf")
        if isinstance(ways, Sequence) and len(others := [way for way in ways if way != {"type": "null"}]) == 1:
            about = {name: rule[name] for name in ("title", "description") if name in rule}
            rule = {**others[0], **about} if isinstance(others[0], Mapping) else {}
            continue
        reference = rule.get("$ref")
        if not isinstance(reference, str):
            return rule
        found = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
        rule = {**found, **{name: each for name, each in rule.items() if name != "$ref"}}
    return {}


_REFERENCES: Final = 8
"""Behind one another: more have a box for JSON."""


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _strings(value: Any) -> frozenset[str]:
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, Sequence) else frozenset()
