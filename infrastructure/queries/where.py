"""Conditions of a query, collected with their parameters."""

from collections.abc import Sequence
from typing import Any

from ...projections.index.columns import key
from ...projections.index.query import Place


class Where:
    """All that must hold. ``parameters`` are by name."""

    def __init__(self, **parameters: Any) -> None:
        self.conditions: list[str] = []
        self.parameters: dict[str, Any] = parameters

    def equal(self, name: str, column: str, value: object) -> None:
        """A column has this value, where one is asked for."""
        if value is not None:
            self.parameters[name] = value
            self.conditions.append(f"{column} = :{name}")

    def equal_key(self, name: str, column: str, value: str | None) -> None:
        """The same of a column that keeps the beginning of a text."""
        self.equal(name, column, None if value is None else key(value))

    def between(self, column: str, since: int | None, until: int | None) -> None:
        """From ``since`` on, and before ``until``."""
        for name, operator, value in (("since", ">=", since), ("until", "<", until)):
            if value is not None:
                self.parameters[name] = value
                self.conditions.append(f"{column} {operator} :{name}")

    def behind(self, time: str, position: str, before: Place | None) -> None:
        """What comes behind a place in a list whose newest come first."""
        if before is not None:
            self.parameters |= {"before_time": before.time, "before_position": before.position}
            self.conditions.append(f"({time}, {position}) < (:before_time, :before_position)")

    def sql(self, *others: str) -> str:
        """The clause, with other conditions; nothing where there are none."""
        conditions: Sequence[str] = (*self.conditions, *others)
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""
