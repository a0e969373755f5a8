"""JSON values as YAML text.

It is written here, not by a library, so that the same value gives the same bytes with every release. It only uses what
YAML 1.1 and 1.2 read alike.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...domain.visible import CONTROL_CHARACTERS_IN_LINES


def to_yaml(value: Mapping[str, Any]) -> str:
    """An object as a YAML document: two spaces of indentation, texts of several lines as they are where possible."""
    return "".join(f"{line}\n" for line in _block(value, ""))


def _block(value: Any, indent: str) -> Iterator[str]:
    """The lines of an object or array that isn't empty."""
    inner = indent + "  "
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = _scalar(key)
            if len(name) > _LONGEST_KEY:
                yield f"{indent}? {name}"
                yield from _item(f"{indent}:", item, inner)
            else:
                yield from _item(f"{indent}{name}:", item, inner)
    else:
        for item in value:
            if isinstance(item, Mapping | list) and item:
                first, *others = _block(item, inner)
                yield f"{indent}- {first.removeprefix(inner)}"
                yield from others
            else:
                yield from _item(f"{indent}-", item, inner)


def _item(lead: str, value: Any, inner: str) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        yield lead
        yield from _block(value, inner)
    elif isinstance(value, str) and _reads_as_lines(value):
        lines = value.split("\n")
        starts_with_space = "2" if lines[0][:1] in (" ", "\t", "") else ""
        chomp = "-" if lines[-1] else "+" if lines[-2] == "" else ""
        yield f"{lead} |{starts_with_space}{chomp}"
        for line in lines if lines[-1] else lines[:-1]:
            yield f"{inner}{line}" if line else ""
    else:
        yield f"{lead} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, Mapping | list):
        return "{}" if isinstance(value, Mapping) else "[]"
    return json.dumps(value)


def _reads_as_lines(text: str) -> bool:
    """Whether a literal block preserves the text."""
    lines = text.split("\n")
    return len(lines) > 1 and any(lines) and not _UNPRINTABLE.search(text) and not any(map(str.isspace, lines))


_LONGEST_KEY = 1000
"""Characters of a key on the line of its value: YAML allows 1,024."""

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*", re.ASCII)
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Texts that some YAML version reads as another type."""

_UNPRINTABLE = re.compile(f"{CONTROL_CHARACTERS_IN_LINES.pattern}|[\ufeff\ufffe\uffff]")
"""Characters that YAML doesn't allow, or that reorder the displayed text: they are escaped, in quotes."""
