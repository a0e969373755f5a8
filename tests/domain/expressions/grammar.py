"""Expressions at random by the grammar of the language: of fitting types mostly, made to multiply what they get."""

from dataclasses import dataclass

from hypothesis import strategies as st

ROOTS = {
    "text": ["payload.text", "payload.nested.text", "payload.texts[0]"],
    "list": ["payload.numbers", "payload.objects", "payload.texts", "payload.nested.lists", "payload.nested.lists[0]"],
    "number": ["payload.number", "payload.objects[0].id", "1", "2.5", "9007199254740993"],
    "map": ["payload.objects[0]", "payload.nested", "payload"],
    "bool": ["true", "false"],
}
PATTERNS = [
    "a",
    "^a.*b$",
    ".{2000}",
    "\\\\w{50}",
    "(a|b)*a(a|b){200}c",
    "(?i)[^x]{300}",
    "((a{9}){9}){9}",
    "\\\\pL\\\\PL",
    "(.?){500}",
]


@dataclass
class _Room:
    """What may still be used: levels of the tree, loops, and the names of elements by type."""

    levels: int
    loops: int
    nested: int
    names: dict[str, list[str]]


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """The source of an expression."""
    room = _Room(4, 4, 2, {})
    return _make(draw, draw(st.sampled_from(["text", "list", "number", "bool", "map"])), room)


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, int]:
    """How many numbers, objects, texts and characters the payload has."""
    sizes = st.sampled_from([0, 3, 100, 2_000, 50_000])
    return {name: draw(sizes) for name in ("numbers", "objects", "texts", "characters")}


def _make(draw: st.DrawFn, kind: str, room: _Room) -> str:
    known = ROOTS[kind] + 3 * room.names.get(kind, [])
    if room.levels == 0:
        return draw(st.sampled_from(known))
    inner = _Room(room.levels - 1, room.loops, room.nested, room.names)
    makers = {
        "text": [_sum, _text, _chosen, _converted],
        "list": [_sum, _items, _looped, _looped, _chosen],
        "number": [_measured, _sum, _chosen],
        "bool": [_compared, _sought, _matched, _quantified, _quantified],
        "map": [_object, _chosen],
    }[kind]
    maker = draw(st.sampled_from([None, *makers]))
    if maker is None:
        return draw(st.sampled_from(known))
    made = maker(draw, kind, inner)
    room.loops = inner.loops
    return made


def _any(draw: st.DrawFn, room: _Room) -> str:
    return _make(draw, draw(st.sampled_from(list(ROOTS))), room)


def _times(draw: st.DrawFn) -> int:
    return draw(st.sampled_from([1, 2, 3, 16, 60]))


def _sum(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return "(" + " + ".join([_make(draw, kind, room)] * _times(draw)) + " + " + _make(draw, kind, room) + ")"


def _text(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return "'" + draw(st.sampled_from(["a", "é", "中", "😀", "ab "])) * draw(st.sampled_from([1, 30, 700])) + "'"


def _converted(draw: st.DrawFn, kind: str, room: _Room) -> str:
    made = draw(st.sampled_from(["string({})", "string(bytes({}))", "string(double({}))"]))
    return made.format(_any(draw, room))


def _items(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return "[" + ",".join([_any(draw, room)] * draw(st.sampled_from([1, 3, 60, 500]))) + "]"


def _object(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return "{" + ", ".join(f"'k{at}': {_any(draw, room)}" for at in range(draw(st.integers(1, 3)))) + "}"


def _chosen(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return f"({_make(draw, 'bool', room)} ? {_make(draw, kind, room)} : {_make(draw, kind, room)})"


def _measured(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return f"size({_make(draw, draw(st.sampled_from(['text', 'list', 'map'])), room)})"


def _compared(draw: st.DrawFn, kind: str, room: _Room) -> str:
    operator = draw(st.sampled_from(["==", "!=", "<", ">="]))
    compared = draw(st.sampled_from(["text", "number", "list"]))
    return f"({_make(draw, compared, room)} {operator} {_make(draw, compared, room)} || {_make(draw, 'bool', room)})"


def _sought(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return f"({_any(draw, room)} in {_make(draw, 'list', room)})"


def _matched(draw: st.DrawFn, kind: str, room: _Room) -> str:
    pattern = draw(st.sampled_from([f"'{pattern}'" for pattern in PATTERNS] + ["payload.text"]))
    return f"{_make(draw, 'text', room)}.matches({pattern})"


def _looped(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return _loop(draw, draw(st.sampled_from(["map", "map", "filter"])), room)


def _quantified(draw: st.DrawFn, kind: str, room: _Room) -> str:
    return _loop(draw, draw(st.sampled_from(["all", "exists", "exists_one"])), room)


def _loop(draw: st.DrawFn, macro: str, room: _Room) -> str:
    if room.loops == 0 or room.nested == 0:
        return "[1]" if macro in ("map", "filter") else "true"
    room.loops -= 1
    over = _make(draw, "list", room)
    name = f"x{room.loops}"
    element = draw(st.sampled_from(["number", "text", "list", "map"]))
    names = room.names | {element: [*room.names.get(element, []), name]}
    inside = _Room(room.levels, room.loops, room.nested - 1, names)
    body = _any(draw, inside) if macro == "map" else _make(draw, "bool", inside)
    if macro == "map" and draw(st.booleans()):
        body = "[" + ",".join([name] * _times(draw)) + "]" if draw(st.booleans()) else " + ".join([name] * _times(draw))
    room.loops = inside.loops
    return f"{over}.{macro}({name}, {body})"
