"""What applications have instead of JSON becomes what pydantic's JSON mode makes of it, or is refused with its path."""

import collections
import dataclasses
import enum
import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_jsonable_python
from tests.effort import tries

import flowledger as fl
from flowledger.domain.values.json import FrozenDict, freeze, thaw
from flowledger.domain.values.json_compare import same_json


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, date(2026, 2, 3))


class Level(enum.IntEnum):
    LOW = 1


class Line(pydantic.BaseModel):
    at: datetime
    prices: list[Decimal] = []
    secret: pydantic.SecretStr = pydantic.SecretStr("hunter2")


@dataclasses.dataclass
class Receipt:
    amount: Any
    lines: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    inner: Any


@pydantic.dataclasses.dataclass
class Checked:
    number: uuid.UUID
    tags: frozenset[int] = frozenset()


class Point(NamedTuple):
    x: Any
    y: Any


NAIVE = datetime.fromisoformat("2026-01-01")
CALENDAR = (datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29"))  # for any zone
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.datetimes(*CALENDAR, timezones=ZONES),
    st.dates(),
    st.times(),
    st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    st.uuids(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from([*Colour, Level.LOW]),
    st.builds(
        Line,
        at=st.datetimes(*CALENDAR, timezones=ZONES),
        prices=st.lists(st.decimals(allow_nan=False, allow_infinity=False), max_size=2),
    ),
    st.builds(Checked, number=st.uuids(), tags=st.frozensets(st.integers(0, 9), max_size=1)),
)
KEYS = st.one_of(st.text(), st.uuids(), st.dates(), st.just(Colour.RED))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Receipt, amount=inner, lines=st.tuples(inner)),
        st.builds(Slotted, inner),
        st.builds(Point, inner, inner),
    ),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=tries(800), deadline=None)
def test_a_value_becomes_what_pydantics_json_mode_makes_of_it(value: Any) -> None:
    expected = to_jsonable_python(value)
    frozen = freeze(value)
    assert same_json(thaw(frozen), expected)
    assert freeze(frozen) is frozen
    assert same_json(freeze(thaw(frozen)), frozen)


@given(VALUES)
@settings(max_examples=tries(100), deadline=None)
def test_what_is_converted_counts_towards_the_limit(value: Any) -> None:
    frozen = freeze({"v": value})
    with pytest.raises(fl.InvalidValue, match="over the limit"):
        freeze({"v": value}, limit=sum(map(len, frozen)))


class OfBytes(enum.Enum):
    RAW = b"x"


class Endless(enum.Enum):
    ME = 1

    @property
    def value(self) -> Any:
        return self


class Dishonest(pydantic.BaseModel):
    def model_dump(self, **_: Any) -> Any:
        return self


@dataclasses.dataclass
class Unfinished:
    x: int = dataclasses.field(init=False)


REFUSED: dict[str, tuple[Any, str, str]] = {
    "a naive datetime": ({"at": [NAIVE]}, "v.at[0]", "without a time zone"),
    "a naive datetime in a dataclass": (Receipt(NAIVE), "v.amount", "without a time zone"),
    "an offset with seconds": (datetime(1880, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), "v", "has seconds"),
    "a time in a zone with summer": (time(1, tzinfo=ZoneInfo("Europe/Berlin")), "v", "depends on a date"),
    "a Decimal that is no number": ([Decimal("NaN")], "v[0]", "NaN is not JSON"),
    "an infinite Decimal": ([Decimal("-Infinity")], "v[0]", "-Infinity is not JSON"),
    "NaN in a dataclass": (Receipt(math.nan), "v.amount", "nan is not JSON"),
    "a set in a dataclass": (Receipt(1, ({1},)), "v.lines[0]", "a set is not JSON; use a sorted list"),
    "a frozenset": (frozenset({1}), "v", "a frozenset is not JSON; use a sorted list"),
    "bytes in an enum": ([OfBytes.RAW], "v[0]", "bytes is not JSON; use base64"),
    "a bytearray": (bytearray(b"x"), "v", "a bytearray is not JSON; use base64"),
    "an enum that is its own value": ([Endless.ME], "v[0]", "nested deeper than 200"),
    "a model that dumps itself": ([Dishonest()], "v[0]", "nested deeper than 200"),
    "a dataclass without its value": (Unfinished(), "v", "AttributeError"),
    "the class of a dataclass": (Receipt, "v", "a type is not JSON"),
    "an exception": (ValueError("x"), "v", "a ValueError is not JSON"),
    "a deque": (collections.deque([1]), "v", "a deque is not JSON"),
    "a generator": ((n for n in range(3)), "v", "a generator is not JSON"),
    "an integer in an enum as a key": ({Level.LOW: 1, Colour.PAIR: 2}, "v", "JSON keys are text"),
    "a naive datetime as a key": ({NAIVE: 1}, "v", "a key is a datetime without"),
    "two keys of one text": ({Colour.RED: 1, "red": 2}, "v", "two of its keys are the same text"),
    "a result inside of an output": ([fl.StepResult(1)], "v[0]", "a StepResult is not JSON"),
    "a pause inside of an output": ({"first": fl.Pause("approve?")}, "v.first", "a Pause is not JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_lose_something_is_refused_with_its_path(name: str) -> None:
    value, path, message = REFUSED[name]
    with pytest.raises(fl.InvalidValue, match=message) as refused:
        freeze(value, "v")
    assert refused.value.path[: len(path)] == path


def test_a_recursive_dataclass_is_refused_like_any_value_that_contains_itself() -> None:
    receipt = Receipt(1)
    receipt.lines = (receipt,)
    with pytest.raises(fl.InvalidValue, match="contains itself"):
        freeze(receipt)


def test_subclasses_of_what_is_converted_are_converted() -> None:
    class Moment(datetime):
        pass

    class Money(Decimal):
        pass

    assert freeze([Moment(2026, 1, 1, tzinfo=UTC), Money("1.10")]) == ["2026-01-01T00:00:00Z", "1.10"]


def test_a_secret_in_a_model_stays_hidden() -> None:
    assert freeze(Line(at=datetime(2026, 1, 1, tzinfo=UTC)))["secret"] == "**********"


def test_a_key_for_a_pause_is_data_once_it_is_converted() -> None:
    class Asking(pydantic.BaseModel):
        pause: bool = pydantic.Field(True, serialization_alias="__pause")
        model_config = pydantic.ConfigDict(serialize_by_alias=True)

    frozen = freeze(Asking())
    assert frozen == {"__pause": True}
    assert type(frozen) is FrozenDict
