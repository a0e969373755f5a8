"""What is tried less often by default is tried in full by the exhaustive run."""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from . import effort
from .conftest import BACKENDS


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


class Item:
    """What is asked of a test that was collected."""

    def __init__(self, test: str, *marks: str, **parameters: object) -> None:
        self.nodeid = f"{test}[{'-'.join(map(str, parameters.values()))}]"
        self.callspec = SimpleNamespace(params=parameters)
        self.marks = {*marks}
        self.add_marker = self.marks.add

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


@pytest.mark.parametrize("exhaustive", [True, False])
def test_by_default_each_test_runs_on_every_backend_and_each_parameter_on_some(
    monkeypatch: pytest.MonkeyPatch, exhaustive: bool
) -> None:
    monkeypatch.setattr(effort, "exhaustive", exhaustive)
    items: list[Any] = [Item("test_one", store_url=backend) for backend in BACKENDS]
    for number in range(3):
        items += [
            Item("test_all", *(["exhaustive"] if number == 0 else []), number=number, store_url=backend)
            for backend in BACKENDS
        ]
    effort.spread_over_postgres(items)
    chosen = {item.nodeid for item in items if effort.belongs(item)}
    left_out = {"test_all[0-memory]", "test_all[0-sqlite]", "test_all[0-postgres]", "test_all[2-postgres]"}
    assert chosen == (left_out if exhaustive else {item.nodeid for item in items} - left_out)


@pytest.mark.parametrize("exhaustive", [True, False])
def test_of_a_sampled_test_each_backend_has_one_parameter_set_in_so_many_by_default(
    monkeypatch: pytest.MonkeyPatch, exhaustive: bool
) -> None:
    monkeypatch.setattr(effort, "exhaustive", exhaustive)
    items: list[Any] = [Item("test", number=number, url=backend) for number in range(3) for backend in BACKENDS]
    for item in items:
        item.get_closest_marker = lambda name, item=item: (
            SimpleNamespace(args=(2,)) if name == "sampled" else "exhaustive" in item.marks or None
        )
    effort.sample(items)
    chosen = {item.nodeid for item in items if effort.belongs(item)}
    left_out = {f"test[1-{backend}]" for backend in BACKENDS}
    assert chosen == (left_out if exhaustive else {item.nodeid for item in items} - left_out)


def test_the_exhaustive_run_tries_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for exhaustive, expected in ((True, [300, 3]), (False, [37, 2])):
        monkeypatch.setattr(effort, "exhaustive", exhaustive)
        assert [effort.tries(300), effort.tries(3)] == expected


def test_a_thin_run_has_each_test_with_few_of_its_parameters_and_each_backend_in_some() -> None:
    tests = [f"test_{number}" for number in range(30)]
    items: list[Any] = [Item(test, store_url=backend) for test in tests for backend in BACKENDS]
    items += [Item("test_long", number=number) for number in range(effort.PART * 3)]
    items += [Item("test_alone")]
    kept = effort.thin(items)
    assert {item.nodeid.partition("[")[0] for item in kept} == {*tests, "test_long", "test_alone"}
    assert len(kept) == len(tests) + 3 + 1
    assert {item.callspec.params["store_url"] for item in kept[: len(tests)]} == set(BACKENDS)
