"""Values of ``globals`` kept out of what is recorded."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel, SecretBytes, SecretStr

MASK = "***"
"""What is recorded in place of a value from ``globals``."""

_ALWAYS_MASKED = 4
"""Characters from which a text is masked anywhere. A shorter one would hit half of all words, so it has to be one."""


class Masker:
    """Replaces every text and number in ``globals``, however deep, wherever it shows up in an error, traceback or log.

    Texts of four characters and more are replaced anywhere, shorter ones and numbers as whole words; also as they look
    in a repr or in JSON. True, false and null tell nothing and stay.
    """

    __slots__ = ("_pattern", "_secrets")

    def __init__(self, globals: Mapping[str, Any] | None) -> None:
        self._secrets: list[Any] = [globals] if globals else []
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: Any, masked: Any) -> None:
        """Also mask what was made of globals: the parts of ``value`` that ``masked`` hides."""
        if masked is value:
            return
        if masked == MASK:
            self._secrets.append(value)
            self._pattern = None
        elif isinstance(value, dict):
            for key, item in value.items():
                self.learn(item, masked[key])
        elif isinstance(value, list):
            for item, hidden in zip(value, masked, strict=True):
                self.learn(item, hidden)

    def text(self, text: str) -> str:
        """The text with ``***`` in place of each secret."""
        if not self._secrets or not text:
            return text
        if self._pattern is None:
            self._pattern = _pattern(self._secrets)
        return self._pattern.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """The JSON value with the same done to all its texts, and with ``***`` for a number that is a secret."""
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self.text(repr(value)) == MASK else value
        return value


def _pattern(secrets: list[Any]) -> re.Pattern[str]:
    forms: dict[str, str] = {}
    for leaf in _leaves(secrets):
        for form in _forms(leaf):
            if form.strip():
                anywhere = isinstance(leaf, str) and len(form) >= _ALWAYS_MASKED
                forms[form] = re.escape(form) if anywhere else rf"(?<!\w){re.escape(form)}(?!\w)"
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(forms[form] for form in longest_first) or r"(?!)")


def _leaves(secrets: list[Any]) -> Iterator[str | int | float]:
    """Every text and number. Containers may hold themselves; other objects of the caller are none of ours."""
    seen: set[int] = set()
    waiting: list[Any] = list(secrets)
    while waiting:
        value = waiting.pop()
        if isinstance(value, SecretStr | SecretBytes):
            value = value.get_secret_value()
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, UUID | Decimal | PurePath | date | time):
            value = str(value)
        if isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type)):
            value = {name: getattr(value, name) for name in _fields(value)}
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield value
        elif isinstance(value, Mapping | list | tuple | set | frozenset) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(cast("Any", value.values() if isinstance(value, Mapping) else value))


def _fields(value: Any) -> list[str]:
    return list(type(value).model_fields) if isinstance(value, BaseModel) else [item.name for item in fields(value)]


def _forms(leaf: str | float) -> Iterator[str]:
    """How the value may look in a text: as it is, in a repr, in JSON, and a text of many lines line by line."""
    if not isinstance(leaf, str):
        yield repr(leaf)
        return
    yield leaf
    yield repr(leaf)[1:-1]
    yield json.dumps(leaf)[1:-1]
    yield json.dumps(leaf, ensure_ascii=False)[1:-1]
    lines = leaf.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _ALWAYS_MASKED)
