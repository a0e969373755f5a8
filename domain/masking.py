"""Values of ``globals`` kept out of what is recorded."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import SecretBytes, SecretStr

MASK = "***"
"""What is recorded in place of a value from ``globals``."""

_ALWAYS_MASKED = 4
"""Characters from which a text is masked anywhere. A shorter one would hit half of all words, so it has to be one."""


class Masker:
    """Replaces every text and number in ``globals``, however deep, wherever it shows up in an error, traceback or log.

    Texts of four characters and more are replaced anywhere, shorter ones and numbers as whole words; also as they look
    in a repr or in JSON. True, false and null tell nothing and stay.
    """

    __slots__ = ("_globals", "_pattern")

    def __init__(self, globals: Mapping[str, Any] | None) -> None:
        self._globals = globals
        self._pattern: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """The text with ``***`` in place of each value from globals."""
        if not self._globals or not text:
            return text
        if self._pattern is None:
            self._pattern = _pattern(self._globals)
        return self._pattern.sub(MASK, text)


def _pattern(globals: Mapping[str, Any]) -> re.Pattern[str]:
    forms: dict[str, str] = {}
    for leaf in _leaves(globals):
        for form in _forms(leaf):
            if form.strip():
                anywhere = isinstance(leaf, str) and len(form) >= _ALWAYS_MASKED
                forms[form] = re.escape(form) if anywhere else rf"(?<!\w){re.escape(form)}(?!\w)"
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(forms[form] for form in longest_first) or r"(?!)")


def _leaves(globals: Mapping[str, Any]) -> Iterator[str | int | float]:
    """Every text and number. Containers may hold themselves; other objects of the caller are none of ours."""
    seen: set[int] = set()
    waiting: list[Any] = [globals]
    while waiting:
        value = waiting.pop()
        if isinstance(value, SecretStr | SecretBytes):
            value = value.get_secret_value()
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            yield value
        elif isinstance(value, Mapping | list | tuple | set | frozenset) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(cast("Any", value.values() if isinstance(value, Mapping) else value))


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
