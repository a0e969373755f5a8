"""The columns of a list: the fields of its rows, and the values that its caller asked for besides."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, get_type_hints

ASKED_FOR: Final = {"asked_for": True}
"""The metadata of a field that is None, and no column, unless a caller asked for it."""

VALUES: Final = "columns"
"""The field with values by name, each of which is a column of its own."""


def column_names(kind: type[Any], values: Sequence[str] = ()) -> list[str]:
    """The columns of a list of such dataclasses, and of these values."""
    return [*(one.name for one in fields(kind) if not one.metadata.get("asked_for")), *values]


def column_types(kind: type[Any], values: Sequence[str] = ()) -> dict[str, Any]:
    """The type of each column; a value may be of any."""
    hints = get_type_hints(kind)
    return {name: hints.get(name, Any) for name in column_names(kind, values)}


def column_values(row: Any, kind: type[Any], values: Sequence[str] = ()) -> list[Any]:
    """The values of a row in these columns. Raises AttributeError for a row of another kind."""
    own = [getattr(row, name) for name in column_names(kind)]
    return [*own, *((getattr(row, VALUES) or {}).get(name) for name in values)] if values else own
