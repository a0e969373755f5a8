"""What the tests of expressions share: a scope to look into, and one call to render data in it."""

from dataclasses import dataclass
from typing import Any

from flowledger.domain.expressions import Rendered, Scope, compile_template
from flowledger.domain.values.json import freeze
from flowledger.infrastructure.execution.expressions.cel import CelLanguage

LANGUAGE = CelLanguage()


@dataclass
class Result:
    output: Any
    error: str | None = None
    attempt: int = 1
    timestamp_ms: int = 1_700_000_000_000


def scope(
    payload: Any = None, nodes: dict[str, list[Result]] | None = None, globals: Any = None, input: Any = None
) -> Scope:
    frozen = {
        node_id: [Result(freeze(one.output), one.error, one.attempt, one.timestamp_ms) for one in results]
        for node_id, results in (nodes or {}).items()
    }
    return Scope(nodes=frozen, payload=freeze(payload), input=freeze(input), globals=globals or {})


def render(data: Any, at: Scope | None = None) -> Rendered:
    return compile_template(data, LANGUAGE, where="n2").render(at or scope())


def value_of(data: Any, at: Scope | None = None) -> Any:
    return render(data, at).value
