"""Values of runs that a list shows as columns of their own, such as ``payload.order_id``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from ....projections.search import LEFT_OUT, VARIABLES, key_of
from .filters import KEY, STEP

MAX_COLUMNS: Final = 50

_COLUMN: Final = re.compile(rf"({'|'.join(VARIABLES)})({KEY}*)")


class ValueColumn(NamedTuple):
    """A way to a value: into the payload, the last output of a node, or the metadata."""

    name: str
    """As it was asked for."""
    keys: tuple[str | int, ...]

    def value_in(self, document: Mapping[str, Any]) -> Any:
        """The value; None where the way leads nowhere."""
        value: Any = document
        for key in self.keys:
            if isinstance(value, Mapping):
                value = value.get(key) if isinstance(key, str) else None
            elif isinstance(value, list):
                value = value[key] if isinstance(key, int) and key < len(value) else None
            else:
                return None
        return value

    def is_whole_in(self, document: Mapping[str, Any]) -> bool:
        """Whether the document holds all of the value."""
        left_out = document.get(LEFT_OUT, {})
        root, *keys = self.keys
        if root != "output" or not keys:
            return root not in left_out
        return key_of(str(keys[0])) not in left_out.get("output", {})


def value_columns(columns: str | Sequence[str]) -> tuple[ValueColumn, ...]:
    """The columns, read. Raises InvalidRequest for what is no way to a value."""
    named = (columns,) if isinstance(columns, str) else columns
    if not isinstance(named, list | tuple):
        raise InvalidRequest(f"columns {quoted(columns)} is no list of values such as payload.order_id")
    if len(named) > MAX_COLUMNS:
        raise InvalidRequest(f"{len(named)} columns by value: {MAX_COLUMNS} is the most")
    return tuple(dict.fromkeys(map(_column, named)))


def _column(name: object) -> ValueColumn:
    found = _COLUMN.fullmatch(name) if isinstance(name, str) else None
    if found is None or not isinstance(name, str):
        raise InvalidRequest(
            f'column {quoted(name)} is no way to a value: write one such as payload.order_id, output["score"].value, '
            "payload.items[0] or metadata.customer"
        )
    keys: list[str | int] = [found[1]]
    for key, index, in_quotes in STEP.findall(found[2]):
        keys.append(int(index) if index else key or in_quotes)
    return ValueColumn(name, tuple(keys))
