"""Filters of lists that were saved under a name, for everybody who uses the store: a stream of its own."""

from dataclasses import dataclass, field
from typing import Final

from .errors import InvalidRequest, NotFound
from .events.envelope import Recorded
from .events.registry import Body, EventEntry, Registry, register
from .ports import NewEvent
from .values.names import check_name
from .visible import quoted

VIEWS: Final = "views"
"""The name of the stream."""

LONGEST_NAME: Final = 100
LONGEST_QUERY: Final = 8_000
"""Characters."""


class ViewSaved(Recorded):
    """Somebody saved filters under a name."""

    name: str
    query: str
    """The part of the address behind ``?``."""


class ViewRenamed(Recorded):
    """They have another name from now on."""

    name: str
    to: str


class ViewDeleted(Recorded):
    """They are gone from the list."""

    name: str


SAVED: Final = "views.saved"
RENAMED: Final = "views.renamed"
DELETED: Final = "views.deleted"


@dataclass(frozen=True, slots=True)
class View:
    """Filters under a name."""

    name: str
    query: str
    by: str
    """Who saved them."""


@dataclass(slots=True)
class Views:
    """The fold of the stream."""

    id: str = VIEWS
    views: dict[str, View] = field(default_factory=dict[str, View])
    recorded_at: int = 0
    version: int = 0


def save(state: Views, name: str, query: str, *, by: str, now: int) -> NewEvent:
    """Save filters under a name that is free. Raises InvalidRequest, InvalidValue."""
    _check_free(state, name)
    if len(query) > LONGEST_QUERY:
        raise InvalidRequest(f"filters of {len(query):,} characters: {LONGEST_QUERY:,} are the most")
    return NewEvent(SAVED, {"recorded_at": now, "by": by, "name": name, "query": query})


def rename(state: Views, name: str, to: str, *, by: str, now: int) -> NewEvent:
    """Give them another name, which is free. Raises NotFound, InvalidRequest, InvalidValue."""
    _check_there(state, name)
    _check_free(state, to)
    return NewEvent(RENAMED, {"recorded_at": now, "by": by, "name": name, "to": to})


def delete(state: Views, name: str, *, by: str, now: int) -> NewEvent:
    """Take them off the list. Raises NotFound."""
    _check_there(state, name)
    return NewEvent(DELETED, {"recorded_at": now, "by": by, "name": name})


def _check_there(state: Views, name: str) -> None:
    if name not in state.views:
        raise NotFound(f"no filters are saved under {quoted(name)}")


def _check_free(state: Views, name: str) -> None:
    if not name:
        raise InvalidRequest("give the filters a name")
    check_name(name, "name")
    if len(name) > LONGEST_NAME:
        raise InvalidRequest(f"a name of {len(name):,} characters: {LONGEST_NAME} are the most")
    if name in state.views:
        raise InvalidRequest(f"filters are saved under {quoted(name)} already: choose another name, or delete those")


def on_saved(state: Views, data: Body) -> None:
    state.views[data["name"]] = View(data["name"], data["query"], data["by"])


def on_renamed(state: Views, data: Body) -> None:
    view = state.views.pop(data["name"], None)
    if view is not None:
        state.views[data["to"]] = View(data["to"], view.query, view.by)


def on_deleted(state: Views, data: Body) -> None:
    state.views.pop(data["name"], None)


def why_not(_: Views) -> str | None:
    return None


def describe_saved(data: Body) -> str:
    return f"{data['name']}: {data['query']}"


def describe_renamed(data: Body) -> str:
    return f"{data['name']}, now {data['to']}"


def describe_deleted(data: Body) -> str:
    name: str = data["name"]
    return name


VIEW_EVENTS: Final[Registry] = register(
    *(
        EventEntry(
            name=name,
            schema=schema,
            aggregate="views",
            evolve=evolve,
            why_not=why_not,
            index="none",
            describe=describe,
            narrate=None,
            sign="·",
            tone="quiet",
        )
        for name, schema, evolve, describe in (
            (SAVED, ViewSaved, on_saved, describe_saved),
            (RENAMED, ViewRenamed, on_renamed, describe_renamed),
            (DELETED, ViewDeleted, on_deleted, describe_deleted),
        )
    )
)


def evolve_views(state: Views, type: str, data: Body) -> None:
    """Fold one event. Raises KeyError for an event that is none of it."""
    VIEW_EVENTS[type].evolve(state, data)
    state.recorded_at = data["recorded_at"]
    state.version += 1
