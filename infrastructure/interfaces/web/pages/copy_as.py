"""What a page shows, as an address of data, as a command, and as a line of Python. All three work as pasted."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CopyAs:
    """Three ways to the same data."""

    address: str
    command: str
    python: str


def command_line(words: Iterable[str], options: Mapping[str, Any]) -> str:
    """``flowledger history --status failed``: what is None is left out, a tuple is repeated, True is a flag."""
    line = ["flowledger", *words]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            line.append(option)
        elif value is not None and value is not False:
            for each in value if isinstance(value, tuple) else (value,):
                line += [option, _option(each)]
    return shlex.join(line)


def python_call(method: str, arguments: Mapping[str, Any], *positional: Any) -> str:
    """``ledger.history.runs(status="failed")``: what is None, or empty, is left out."""
    given = [_literal(value) for value in positional]
    given += [f"{name}={_literal(value)}" for name, value in arguments.items() if value is not None and value != ()]
    return f"ledger.{method}({', '.join(given)})"


def _option(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"datetime.fromisoformat({_literal(value.isoformat())})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(name)}: {_literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, tuple):
        return _literal(value[0]) if len(value) == 1 else f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        quoted = repr(value)
        return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted
    return repr(value)
