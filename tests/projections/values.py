"""Any JSON, with keys that patches stumble over, and values that are nearly alike."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

HOSTILE = [
    "",
    "~",
    "/",
    "~0",
    "~1",
    "~01",
    "a/b",
    "a~b",
    "0",
    "-",
    "00",
    "*",
    "**",
    "[a]",
    "id",
    " ",
    "\n",
    "é",
    "😀",
    "\x00",
]

keys = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=3))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, -0.0, 1.0, 0.5]),
    st.text(max_size=4),
    st.sampled_from(["x" * 200, "one\ntwo\n" * 30]),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=4))


values = st.recursive(scalars, _nested, max_leaves=15)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """A value, and another one, or one that came of it by a few changes."""
    before = draw(values)
    if draw(st.booleans()):
        return before, draw(values)
    after = deepcopy(before)
    for _ in range(draw(st.integers(0, 4))):
        after = _changed(draw, after)
    return before, after


def _changed(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        match draw(st.sampled_from(["inside", "rename", "remove", "add"])):
            case "inside":
                value[key] = _changed(draw, value[key])
            case "rename":
                value[draw(keys)] = value.pop(key)
            case "remove":
                del value[key]
            case "add":
                value[draw(keys)] = draw(values)
        return value
    if isinstance(value, list) and value:
        place = draw(st.integers(0, len(value) - 1))
        match draw(st.sampled_from(["inside", "move", "remove", "add"])):
            case "inside":
                value[place] = _changed(draw, value[place])
            case "move":
                value.insert(draw(st.integers(0, len(value) - 1)), value.pop(place))
            case "remove":
                del value[place]
            case "add":
                value.insert(place, draw(values))
        return value
    return draw(values)
