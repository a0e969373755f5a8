"""JSON text from people and files, read strictly: ambiguous text is refused."""

import json
from collections import Counter
from typing import Any, NoReturn

from ..visible import quoted


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text, UTF-8 where it is bytes.

    Raises ValueError that says what is wrong: also for a key that comes twice in one object, as readers differ in which
    of its values they take, for NaN and Infinity, and for nesting that is too deep to be read.
    """
    try:
        decoded = text if isinstance(text, str) else bytes(text).decode()
        return json.loads(decoded, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deep to be read") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counted.items() if count > 1)
        raise ValueError(f"the key {quoted(twice)} comes twice in one object, and only one of its values can count")
    return found


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value; use null or text")
