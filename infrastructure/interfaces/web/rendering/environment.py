"""The environment of the templates: everything is escaped, a name that is missing is an error."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .....domain.visible import visible_lines
from .icons import icon
from .words import capitalised, count, duration, number, short_id

TEMPLATES = Path(__file__).parent.parent / "templates"


@cache
def environment() -> Environment:
    """The environment, made once; its templates are compiled when they are first used."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_steer_nothing,
    )
    made.globals["icon"] = icon
    made.filters |= {
        "capitalised": capitalised,
        "count": count,
        "duration": duration,
        "number": number,
        "short_id": short_id,
    }
    return made


def _steer_nothing(value: Any) -> Any:
    """Text that is shown, without characters that turn the order of what stands around it, or show nothing."""
    return visible_lines(value) if type(value) is str else value
