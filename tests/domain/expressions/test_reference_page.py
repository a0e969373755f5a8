"""Every line of the tables in docs/reference/expressions.md is true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flowledger.domain.errors import ExpressionError
from flowledger.infrastructure.execution.expressions import guard as cel_guard
from flowledger.infrastructure.execution.expressions import meter as cel_meter

from .scenes import Result, scope, value_of

PAGE = (Path(__file__).parents[3] / "docs/reference/expressions.md").read_text()
SCENE = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
AT = scope(
    payload=SCENE["payload"],
    nodes={node_id: [Result(output) for output in outputs] for node_id, outputs in SCENE["nodes"].items()},
    input=SCENE["input"],
    globals=SCENE["globals"],
)


def rows(heading: str) -> list[tuple[str, str]]:
    table = PAGE.partition(f"| in the data | {heading} |\n|---|---|\n")[2].partition("\n\n")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
    return [(data.strip().strip("`").replace("\\|", "|"), result.strip()) for data, result in cells]


@pytest.mark.parametrize(("data", "result"), rows("gives"))
def test_an_example_gives_what_the_page_says(data: str, result: str) -> None:
    expected: Any = json.loads(result.strip("`"))
    assert value_of(data, AT) == expected


@pytest.mark.parametrize(("data", "message"), rows("the message ends"))
def test_a_failure_says_what_the_page_says(data: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of(data, AT)
    assert str(raised.value).endswith(f": {message}")


def test_the_page_has_both_tables() -> None:
    assert len(rows("gives")) > 15
    assert len(rows("the message ends")) > 5


def test_the_page_names_every_function_and_limit() -> None:
    for name in cel_guard.FUNCTIONS | cel_guard.LOOPS:
        assert f"`{name}`" in PAGE or name in ("existsOne",) or name.startswith("get")
    numbers = (cel_guard.MAX_BRACKETS, cel_guard.MAX_CHAIN, cel_guard.MAX_LOOPS, cel_meter.MAX_VALUE_DEPTH)
    for number, unit in zip(numbers, ("levels of brackets", "operators", "loops", "levels"), strict=True):
        assert f"{number} {unit}" in PAGE
