"""What of an event may be personal: the values that are sealed where a run belongs to a subject, and what stands in for
them where nobody can read them.

By the name of the key, the same in all events. A test names every key that is in neither of the two lists.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

SEALED_BY: Final = "sealed_by"
"""Ids of the keys that it takes to read a sealed event."""

UNREADABLE: Final = "unreadable"
"""In the body of a sealed event that was read without its values: why, as it is shown in their places."""

SEALED_TEXT: Final = "<sealed>"
"""What stands for values in lists, which are made without any key."""

LOST_TEXT: Final = "<key lost>"
CLOSED_TEXT: Final = "<no key ring>"
AWAY_TEXT: Final = "<key ring away>"

PARTS: Final[Mapping[str, tuple[str, ...]]] = {"error": ("message", "traceback"), "edited": ("output",)}
"""Of these only parts are sealed: the rest says which way a run goes."""

READABLE: Final = frozenset(
    {
        *("recorded_at", "by", "channel", "correlation_id", "after", "key", "key_of", SEALED_BY, UNREADABLE),
        *("workflow_id", "workflow_version", "definition_digest", "run_id", "kind", "origin", "traceparent"),
        *("start_node_id", "node_id", "next_node_id", "handle", "attempt", "wait"),
        *("queued", "priority", "run_at", "worker", "lease_until", "handed_back", "effects"),
        *("code", "distributions", "drifted"),
        *("spent", "started_at", "finished_at", "retry_at", "until", "timed_out"),
        *("unrouted", "no_condition_held", "recorded", "asks_again", "given_answer"),
    }
)
"""Keys of runs and work orders that routing and lists need. Nothing personal belongs there."""


def erased_text(date: str) -> str:
    """What stands for values that were erased on a day."""
    return f"<erased {date}>"


def is_erased(text: str) -> bool:
    """Whether it stands for values that were erased."""
    return text.startswith("<erased ")


def split(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A body as what stays readable, and what is sealed."""
    plain, personal = {}, {}
    for name, value in data.items():
        if name in PARTS:
            plain[name] = {part: value[part] for part in value if part not in PARTS[name]}
            personal[name] = {part: value[part] for part in PARTS[name] if part in value}
        else:
            (personal if name in STAND_INS else plain)[name] = value
    return plain, personal


def needs_key(data: Mapping[str, Any]) -> bool:
    """Whether there is something to seal that would be missed: of a command's digest the key in plain is enough."""
    return not split(data)[1].keys() <= {"request"}


def is_stand_in(text: str) -> bool:
    """Whether it stands for a value that can't be read: no digest is like that."""
    return text.startswith("<")


def join(plain: dict[str, Any], personal: Mapping[str, Any]) -> dict[str, Any]:
    """The body again; changes ``plain``."""
    for name, value in personal.items():
        plain[name] = {**plain[name], **value} if name in PARTS else value
    return plain


def fill(plain: dict[str, Any], names: Iterable[str], text: str) -> dict[str, Any]:
    """The body with a text in place of the values with these names; changes ``plain``. It still fits its schema."""
    for name in names:
        stand_in = STAND_INS[name](text, plain)
        plain[name] = {**plain[name], **stand_in} if name in PARTS else stand_in
    return plain


def _text(text: str, _: Mapping[str, Any]) -> str:
    return text


def _object(text: str, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"sealed": text}


def _lines(text: str, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"at": data["recorded_at"], "level": "info", "message": text}]


def _issues(text: str, _: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"path": "", "message": text}]


STAND_INS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Any]]] = {
    "payload": _text,
    "input": _object,
    "output": _text,
    "metadata": _object,
    "logs": _lines,
    "error": lambda text, _: {"message": text},
    "edited": lambda text, _: {"output": text},
    "reason": _text,
    "note": _text,
    "answer": lambda text, _: {"title": text},
    "issues": _issues,
    "trigger": lambda text, _: {"kind": text},
    "adopted": _object,
    "globals": lambda text, _: {"fingerprints": {}, "without_key": text},
    "request": _text,
    "payload_digest": _text,
}
"""What is sealed, by its name, and what stands in for it: of the same kind, with a text in it."""
