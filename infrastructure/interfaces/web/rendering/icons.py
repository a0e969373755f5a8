"""Icons: a reference where one stands, and the drawings of those that a page uses, once, at its end."""

import re
from collections.abc import Iterable

from markupsafe import Markup

from .symbols import SYMBOLS

_USED = re.compile('<use href="#i-([a-z]+)"/>')


def icon(name: str, small: bool = False) -> Markup:
    """The icon, hidden from what reads aloud: a word stands beside it, or a label on what holds it."""
    if name not in SYMBOLS:
        raise KeyError(f"there is no icon {name!r}")
    classes = "i" + (" i-sm" if small else "") + (" i-active" if name == "active" else "")
    return Markup(f'<svg class="{classes}" viewBox="0 0 16 16" aria-hidden="true"><use href="#i-{name}"/></svg>')  # noqa: S704 - of ours


def used_icons(html: str) -> set[str]:
    """The names of the icons that a piece of a page refers to."""
    return set(_USED.findall(html)) & SYMBOLS.keys()


def sprite(names: Iterable[str]) -> Markup:
    """The drawings of these icons."""
    symbols = "\n".join(f'<symbol id="i-{name}" viewBox="0 0 16 16">{SYMBOLS[name]}</symbol>' for name in sorted(names))
    return Markup(f'<svg hidden aria-hidden="true">\n{symbols}\n</svg>')  # noqa: S704 - drawings of ours


def with_sprite(html: str) -> str:
    """A page with the drawings of the icons that it uses at its end."""
    body, end, rest = html.rpartition("</body>")
    return f"{body}{sprite(used_icons(html))}\n{end}{rest}"
