"""The environment of the templates: everything is escaped, a name that is missing is an error."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .....domain.run.context import Context
from .....domain.values.brief import brief
from .....domain.values.clock import moment
from .....domain.visible import visible_lines
from ...presentation.documents import to_json
from .icons import icon
from .json_html import json_html
from .words import as_clause, capitalised, count, duration, number, short_id

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
    names: dict[str, Any] = made.globals
    names["icon"] = icon
    names["json_html"] = json_html
    filters: dict[str, Any] = made.filters
    filters.update(
        {
            "as_clause": as_clause,
            "brief": _brief,
            "capitalised": capitalised,
            "count": count,
            "duration": duration,
            "json": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str),
            "moment": moment,
            "number": number,
            "pretty_json": to_json,
            "short_id": short_id,
        }
    )
    return made


def _brief(value: Any) -> str:
    """A JSON value in one line, cut."""
    return brief(value.raw_data() if isinstance(value, Context) else value)


def _steer_nothing(value: Any) -> Any:
    """Text that is shown, without characters that turn the order of what stands around it, or show nothing."""
    return visible_lines(value) if type(value) is str else value
