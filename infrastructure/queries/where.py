"""Conditions of a query, collected with their parameters."""

from collections.abc import Sequence
from typing import Any

from ...projections.index.columns import key
from ...projections.index.query import NEWEST_FIRST, Place
from .index.pieces import behind, between, equal


class Where:
    """All that must hold. ``parameters`` are by name."""

    def __init__(self, **parameters: Any) -> None:
        self.conditions: list[str] = []
        self.parameters: dict[str, Any] = parameters

    def equal(self, name: str, column: str, value: object) -> None:
        """A column has this value, where one is asked for."""
        self.conditions += equal(name, column, value, self.parameters)

    def equal_key(self, name: str, column: str, value: str | None) -> None:
        """The same of a column that keeps the beginning of a text."""
        self.equal(name, column, None if value is None else key(value))

    def between(self, column: str, since: int | None, until: int | None) -> None:
        """From ``since`` on, and before ``until``."""
        self.conditions += between(column, since, until, self.parameters)

    def behind(self, time: str, position: str, before: Place | None) -> None:
        """What comes behind a place in a list whose newest come first."""
        self.conditions += behind(time, position, NEWEST_FIRST, before, self.parameters)

    def sql(self, *others: str) -> str:
        """The clause, with other conditions; nothing where there are none."""
        conditions: Sequence[str] = (*self.conditions, *others)
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""
