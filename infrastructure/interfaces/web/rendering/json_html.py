"""A JSON value as HTML, folded. Not by a template: a page has thousands of its parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from .....domain.visible import visible_lines
from .words import count, number

if TYPE_CHECKING:
    from .....projections.run_view.json_tree import Member
    from .json_view import JsonView


def json_html(member: Member, view: JsonView, blame: Callable[[], str] | None = None) -> Markup:
    """The parts of a value, as ``view`` says of each how it is shown.

    ``blame`` draws who set the value that the view says is told of; it comes right behind that.
    """
    parts: list[str] = []

    def draw(member: Member, comma: str, depth: int) -> None:
        if member.members or member.left_out:
            parts.append(_opening(member, view, comma, depth))
            last = None if member.left_out else member.members[-1]
            for inner in member.members:
                draw(inner, "" if inner is last else ",", depth + 1)
            parts.append(_closing(member, view, comma))
        else:
            parts.append(_line(member, view, comma))
        if blame is not None and view.blamed is not None and view.blamed == member.pointer:
            parts.append(blame())

    draw(member, "", 0)
    return Markup("".join(parts))  # noqa: S704 - texts are escaped


def _opening(member: Member, view: JsonView, comma: str, depth: int) -> str:
    classes, came, tint = _looks(member, view)
    opened = " open" if depth < _OPEN or view.opens(member.path) else ""
    hidden = f' class="{classes[1:]}"' if classes else ""
    begin, end = _SIGNS[member.kind]
    many = count(member.count, "member" if member.kind == "object" else "item")
    before = f"{number(member.earlier)} before, at earlier versions"
    return (
        f'<details data-at="{_text(member.pointer)}"{opened}{hidden}{came}{_series(view.times(member.path))}>'
        f'<summary class="jr{tint}">{_key(member)}<span class="p">{begin}</span>'
        f'<span class="fold"> {many} {end}{comma}</span></summary>\n'
        + (f'<div class="j"><span class="fold">{before}</span></div>' if member.earlier else "")
    )


def _closing(member: Member, view: JsonView, comma: str) -> str:
    more = f"{number(member.left_out)} more, {_text(view.rest)}"
    rest = f'<div class="j"><span class="fold">{more}</span></div>' if member.left_out else ""
    return f'{rest}<div class="j end"><span class="p">{_SIGNS[member.kind][1]}{comma}</span></div></details>\n'


def _line(member: Member, view: JsonView, comma: str) -> str:
    classes, came, tint = _looks(member, view)
    empty = _SIGNS.get(member.kind)
    value = f'<span class="p">{"".join(empty)}</span>' if empty else _scalar(member, view)
    return f'<div class="j{tint}{classes}"{came}>{_key(member)}{value}<span class="p">{comma}</span></div>\n'


def _looks(member: Member, view: JsonView) -> tuple[str, str, str]:
    """Classes of what isn't there yet, since when it is, and the class of what the version changed."""
    since = view.since(member.path)
    classes = " later" if since > view.version or not view.is_there(member.path) else ""
    tint = " ch-add" if member.path in view.added else " ch-mod" if member.path in view.changed else ""
    return classes, f' data-v="{since}"' if since else "", tint


def _key(member: Member) -> str:
    return f'<span class="k">{_json(member.key)}</span><span class="p">: </span>' if isinstance(member.key, str) else ""


def _scalar(member: Member, view: JsonView) -> str:
    text = _text(member.text)
    if member.kind == "masked":
        return f'<span class="masked" title="A value from globals: it isn’t on record">{text}</span>'
    pointer = member.pointer
    url = view.url(pointer)
    letter = member.kind[0]
    cut = f'<span class="fold"> … {number(member.length)} characters</span>' if member.length else ""
    if not url:
        return f'<span class="{letter}">{text}</span>{cut}'
    told = ' aria-expanded="true"' if view.blamed == pointer else ""
    return f'<a class="v {letter}" href="{_text(url)}"{_series(view.steps(member.path))}{told}>{text}</a>{cut}'


def _series(steps: Any) -> str:
    return f' data-series="{_json(steps)}"' if steps else ""


def _json(value: Any) -> str:
    return _text(_encode(value))


def _text(text: str) -> str:
    return escape(visible_lines(text))


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
_SIGNS: Final = {"object": ("{", "}"), "array": ("[", "]")}
_OPEN: Final = 2
"""Levels that are unfolded at first."""
