"""The event catalogue: names, schemas, upcasters."""

from collections.abc import Iterator
from typing import Any, NotRequired

import pytest
from typing_extensions import TypedDict

from flowledger.domain.errors import InvalidRequest, InvalidValue
from flowledger.domain.events.catalogue import EVENT_TYPES, event_type, upcast


class Moved(TypedDict):
    recorded_at: int
    by: str
    to: str
    why: NotRequired[Any]


class Bare(TypedDict):
    by: str


class Reserved(TypedDict):
    recorded_at: int
    by: str
    v: int


GOOD = {"recorded_at": 1, "by": "ada", "to": "x"}


@pytest.fixture(autouse=True)
def catalogue() -> Iterator[None]:
    known = dict(EVENT_TYPES)
    yield
    EVENT_TYPES.clear()
    EVENT_TYPES.update(known)


def test_an_event_type_is_entered_under_its_name() -> None:
    assert event_type("test.moved", Moved) == "test.moved"
    assert EVENT_TYPES["test.moved"].validate(GOOD) == GOOD
    assert event_type("test.moved", Moved) == "test.moved"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"recorded_at": 1, "by": "ada"}, "test.moved.to: Field required"),
        (GOOD | {"to": 3}, "test.moved.to: Input should be a valid string"),
        (GOOD | {"recorded_at": "1"}, "test.moved.recorded_at: Input should be a valid integer"),
        (GOOD | {"recorded_at": True}, "test.moved.recorded_at: Input should be a valid integer"),
        (GOOD | {"speed": 3}, "test.moved.speed: Extra inputs are not permitted"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_its_place(data: dict[str, Any], fault: str) -> None:
    event_type("test.moved", Moved)
    with pytest.raises(InvalidValue) as caught:
        EVENT_TYPES["test.moved"].validate(data)
    assert str(caught.value) == fault


def test_large_values_are_not_copied() -> None:
    event_type("test.moved", Moved)
    why = {"large": [1, 2, 3]}
    assert EVENT_TYPES["test.moved"].validate(GOOD | {"why": why})["why"] is why


@pytest.mark.parametrize(
    ("name", "schema", "options", "fault"),
    [
        ("test.bare", Bare, {}, "lacks recorded_at"),
        ("test.reserved", Reserved, {}, "reserved key 'v'"),
        ("test.moved", Moved, {"version": 3, "upcasters": {2: dict}}, "needs an upcaster"),
        ("test.moved", Moved, {"upcasters": {1: dict}}, "needs an upcaster"),
        ("test.noted", Moved, {}, "in the catalogue already"),
    ],
)
def test_a_wrong_entry_is_refused(name: str, schema: type, options: dict[str, Any], fault: str) -> None:
    from . import events  # noqa: F401 - enters test.noted

    with pytest.raises(InvalidRequest, match=fault):
        event_type(name, schema, **options)


def test_upcasters_lead_from_any_older_schema_to_todays() -> None:
    steps = {1: lambda data: data | {"to": data.pop("target")}, 2: lambda data: data | {"to": data["to"].upper()}}
    event_type("test.moved", Moved, version=3, upcasters=steps)
    assert upcast("test.moved", {"recorded_at": 1, "by": "ada", "target": "x"}) == GOOD | {"to": "X"}
    assert upcast("test.moved", GOOD | {"v": 2}) == GOOD | {"to": "X"}
    assert upcast("test.moved", GOOD | {"v": 3}) == GOOD


@pytest.mark.parametrize("version", [0, 4, "1", None, True])
def test_a_schema_version_that_is_unknown_is_refused(version: Any) -> None:
    event_type("test.moved", Moved, version=3, upcasters={1: dict, 2: dict})
    with pytest.raises(InvalidValue, match="is unknown, this code knows 1 to 3"):
        upcast("test.moved", GOOD | {"v": version})


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InvalidValue, match="unknown event type"):
        upcast("test.unheard_of", dict(GOOD))
