"""Values in one line, for people."""

import json
from typing import Any

from ..visible import visible_json

READ = 120
"""Characters of a value in a line for people; JSON documents have all of it."""


def brief(value: Any) -> str:
    """JSON on one line, cut where people stop reading."""
    line = ""
    for part in _ENCODER.iterencode(value):  # no further than people read: the value may be very large
        line += part
        if len(line) > READ:
            line = line[:READ] + "…"
            break
    return visible_json(line)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
