"""What is tried less often by default is tried in full by the exhaustive run."""

import ast
from pathlib import Path

import pytest

from . import effort


def decorations(function: ast.AST) -> str:
    return " ".join(ast.unparse(each) for each in getattr(function, "decorator_list", ()))


def test_every_test_that_tries_less_by_default_is_among_those_of_the_exhaustive_run() -> None:
    forgotten = [
        f"{path.name}: {test.name}"
        for path in Path(__file__).parent.rglob("test_*.py")
        for test in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(name, ast.Name) and name.id == "tries" for line in test.body for name in ast.walk(line))
        and "mark.scaled" not in decorations(test)
    ]
    assert forgotten == []


def test_the_exhaustive_run_tries_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for exhaustive, expected in ((True, [300, 3]), (False, [37, 2])):
        monkeypatch.setattr(effort, "exhaustive", exhaustive)
        assert [effort.tries(300), effort.tries(3)] == expected
