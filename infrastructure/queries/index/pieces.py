"""Pieces of the SQL of lists: columns, conditions, and pages in an order."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ....projections.index.query import UNENDED, Order, Place
from ...storage.sql import Dialect


def columns(row: type[NamedTuple], table: str, **others: str) -> str:
    """The columns of a row's fields in order, from a table; ``others`` are expressions for some of them."""
    return ", ".join(others.get(name) or f"{table}.{'actor' if name == 'by' else name}" for name in row._fields)


def equal(name: str, column: str, value: object, parameters: dict[str, Any]) -> list[str]:
    """The condition that a column has this value, where one is asked for."""
    if value is None:
        return []
    parameters[name] = value
    return [f"{column} = :{name}"]


def among(name: str, column: str, values: Sequence[str], dialect: Dialect, parameters: dict[str, Any]) -> str:
    """The condition that a column has one of these values. They are one parameter, so a statement has one form."""
    if dialect == "postgres":
        parameters[name] = list(values)
        return f"{column} = ANY (:{name})"
    parameters[name] = json.dumps(list(values))
    return f"{column} IN (SELECT value FROM json_each(:{name}))"  # noqa: S608 - our own columns; values are parameters


def between(column: str, since: int | None, until: int | None, parameters: dict[str, Any]) -> list[str]:
    """The condition that a column is from ``since`` on, and before ``until``."""
    conditions: list[str] = []
    if since is not None:
        parameters["since"] = since
        conditions.append(f"{column} >= :since")
    if until is not None:
        parameters["until"] = until
        conditions.append(f"{column} < :until")
    return conditions


def behind(key: str, position: str, order: Order, before: Place | None, parameters: dict[str, Any]) -> list[str]:
    """The condition that a row comes behind a place in the list."""
    if before is None:
        return []
    parameters |= {"before_time": before.time, "before_position": before.position}
    return [f"({key}, {position}) {'<' if order.descending else '>'} (:before_time, :before_position)"]


class Timeline(NamedTuple):
    """What tells when the rows of a table began, ended and were active."""

    table: str
    began: str
    ended: str
    active: str

    def key(self, order: Order) -> str:
        """What decides the order, of one row; a projection's ``place_of`` says the same."""
        longest = f"{self.began} + {UNENDED}"
        match order.by:
            case "started":
                return self.began
            case "activity":
                return self.active
            case "ended":
                return f"coalesce({self.ended}, {longest})"
            case "duration":
                return f"coalesce({self.ended} - {self.began}, {longest})"

    def of(self, table: str) -> "Timeline":
        """The same columns by the name of a table."""
        return Timeline(table, *(f"{table}.{column}" for column in self[1:]))


RUN_TIMES: Final = Timeline("", "started_at", "finished_at", "active_at")
ORDER_TIMES: Final = Timeline("", "opened_at", "finished_at", "active_at")


def pages(
    selected: str,
    source: str,
    conditions: Sequence[str],
    times: Timeline,
    order: Order,
    before: Place | None,
    parameters: dict[str, Any],
) -> list[str]:
    """The statements whose rows, merged, are the page behind a place. Each walks one index in the order of the page:
    what hasn't ended is found by its start.
    """
    position = f"{times.table}.position"
    ended = f"{times.ended} IS NOT NULL"
    parts: list[tuple[tuple[str, ...], str, Place | None]]
    match order.by:
        case "started" | "activity":
            parts = [((), times.key(order), before)]
        case _:
            key = times.ended if order.by == "ended" else f"({times.ended} - {times.began})"
            parts = [((ended,), key, before), ((f"{times.ended} IS NULL",), times.began, before)]
    found: list[str] = []
    for own, key, place in parts:
        where = [*conditions, *own]
        if place is not None:
            is_behind = behind(key, position, order, place, parameters)
            if key == times.began and order.by != "started":
                is_behind = [is_behind[0].replace(":before_time", f":before_time - {UNENDED}")]
            where += is_behind
        found.append(page(selected, source, where, key, position, order))
    return found


def page(columns: str, source: str, conditions: Sequence[str], key: str, position: str, order: Order) -> str:
    """A statement for one page of rows in an order."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    direction = "DESC" if order.descending else "ASC"
    return f"SELECT {columns} FROM {source}{where} ORDER BY {key} {direction}, {position} {direction} LIMIT :limit"  # noqa: S608 - our own columns and tables; values are parameters


def merge(found: Sequence[str], times: Timeline, order: Order) -> str:
    """The rows of several pages as one page."""
    if len(found) == 1:
        return found[0]
    together = "\nUNION ALL\n".join(f"SELECT * FROM ({one}) AS page_{n}" for n, one in enumerate(found))  # noqa: S608 - our own columns and tables; values are parameters
    return page("*", f"(\n{together}\n) AS pages", (), times.key(order), "position", order)
