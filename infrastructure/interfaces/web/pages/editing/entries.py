"""Fields of a form that edit parts of a definition: what a part has becomes text, and text becomes what it is to have.

What wasn't changed stays as it is, also where it can't be written in the form: a value is read only where its text is
another one than was shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from ......domain.errors import Fault, InvalidRequest
from ......domain.visible import quoted, visible_json, visible_lines
from ......domain.workflow import ABSENT
from .....files.text import parse_json

Kind = Literal["line", "code", "json", "number", "names", "yes-no", "choice"]


class Setting(NamedTuple):
    """One thing that a part of a definition says."""

    path: tuple[str, ...]
    """Where it stands in the part."""
    kind: Kind
    title: str
    hint: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    """Of a choice: values and words. The first stands for what isn't said."""
    among: Literal["nodes", "types"] | None = None
    """What is offered beside what is typed."""
    is_needed: bool = False

    @property
    def prop(self) -> str:
        """Its name in the record: ``retry.maxRetries``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting in a form."""

    name: str
    """Of the form's field."""
    setting: Setting
    typed: str
    fault: str | None = None

    @property
    def rows(self) -> int:
        """Lines of a box."""
        return min(max(self.typed.count("\n") + 1, 3), 24)


def entries_of(part: Mapping[str, Any], settings: Sequence[Setting], prefix: str) -> tuple[Entry, ...]:
    """The part as a form shows it; ``prefix`` begins the names of the fields."""
    return tuple(Entry(f"{prefix}.{each.prop}", each, shown(_at(part, each.path), each)) for each in settings)


class Changed(NamedTuple):
    """A part as the form says it, and what couldn't be read of it."""

    part: dict[str, Any]
    faults: dict[str, Fault]
    """By the names of their fields."""


def read_entries(part: Mapping[str, Any], settings: Sequence[Setting], prefix: str, form: Mapping[str, str]) -> Changed:
    """The part with what was changed in the form. A field that the form lacks changes nothing."""
    changed, faults = dict(part), dict[str, Fault]()
    for entry in entries_of(part, settings, prefix):
        typed = form.get(entry.name)
        if typed is None or _ends_of_lines(typed) == _ends_of_lines(entry.typed):
            continue
        try:
            value = _read(entry.setting, _ends_of_lines(typed))
        except InvalidRequest as error:
            faults[entry.name] = Fault(entry.setting.prop, str(error))
            continue
        _put(changed, entry.setting.path, value)
    return Changed(changed, faults)


def with_typed(entries: Sequence[Entry], form: Mapping[str, str], faults: Mapping[str, Fault]) -> tuple[Entry, ...]:
    """The entries with what was typed, and what is wrong beside each."""
    return tuple(
        replace(
            each,
            typed=_ends_of_lines(form.get(each.name, each.typed)),
            fault=faults[each.name].message if each.name in faults else None,
        )
        for each in entries
    )


def shown(value: Any, setting: Setting) -> str:
    """The text of a value in its field."""
    match setting.kind:
        case "yes-no":
            return "no" if value is False else "yes"
        case "choice" if value is ABSENT:
            return setting.options[0][0]
        case _ if value is ABSENT:
            return ""
        case "line" | "code" | "choice" if isinstance(value, str):
            return visible_lines(value)
        case "names" if _are_plain_names(value):
            return ", ".join(value)
        case "json":
            return visible_json(json.dumps(value, indent=2, ensure_ascii=False))
        case _:
            return visible_json(json.dumps(value, ensure_ascii=False))


def _are_plain_names(value: Any) -> bool:
    return isinstance(value, Sequence) and all(
        isinstance(each, str) and each == visible_lines(each).strip() and each and not set(each) & set(",[]\n")
        for each in value
    )


def _read(setting: Setting, typed: str) -> Any:
    """Raises InvalidRequest."""
    blank = not typed.strip()
    match setting.kind:
        case "yes-no":
            return False if typed == "no" else ABSENT
        case "choice":
            values = [value for value, _ in setting.options]
            if typed not in values:
                raise InvalidRequest(f"{quoted(typed)} is none of {', '.join(filter(None, values))}")
            return ABSENT if typed == values[0] else typed
        case _ if blank and setting.is_needed:
            raise InvalidRequest("needed: nothing was typed")
        case "line":
            return ABSENT if blank else typed.strip()
        case "code":
            return ABSENT if blank else typed
        case _ if blank:
            return ABSENT
        case "names":
            return parse_json(typed, setting.title) if typed.lstrip()[0] == "[" else _names(typed)
        case "number":
            value = parse_json(typed, setting.title)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise InvalidRequest(f"{quoted(typed)} is no number")
            return value
        case "json":
            return parse_json(typed, setting.title)


def _names(typed: str) -> list[str]:
    return [name for each in typed.split(",") if (name := each.strip())]


def _ends_of_lines(text: str) -> str:
    """As they were: browsers send each as two characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _at(part: Any, path: Sequence[str]) -> Any:
    for key in path:
        part = part.get(key, ABSENT) if isinstance(part, Mapping) else ABSENT
    return part


def _put(part: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set the value; what holds it is made where it isn't there, and taken away where nothing is left in it."""
    key, *rest = path
    if rest:
        inner = dict(part[key]) if isinstance(part.get(key), Mapping) else {}
        _put(inner, rest, value)
        value = inner or ABSENT
    if value is ABSENT:
        part.pop(key, None)
    else:
        part[key] = value
