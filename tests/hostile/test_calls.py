"""Whatever a caller gives: what comes out is an error of ours, and the store is as good as before."""

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.visible import quoted

from ..effort import tries
from .values import TEXTS, VALUES

SPACES = ("workflows", "runs", "history", "search")
DEFINITION = {
    "nodes": [{"id": "n", "type": "t", "data": {"given": "{{ payload }}"}}, {"id": "m", "type": "ask"}],
    "edges": [{"source": "n", "target": "m"}],
}

executors = fl.ExecutorRegistry()
executors.register("t")(lambda step: step.data)
executors.register("ask")(lambda step: fl.Pause("wait"))


def public_methods() -> list[str]:
    """Every public method of a ledger and of its namespaces, but the async variants, which run the same code."""
    with fl.open_ledger("memory:", executors) as ledger:
        owners = {"": ledger} | {f"{space}.": getattr(ledger, space) for space in SPACES}
        return [
            owner + name
            for owner, object in owners.items()
            for name, method in inspect.getmembers(object, callable)
            if not name.startswith("_") and not (name[0] == "a" and hasattr(object, name[1:])) and name != "close"
        ]


METHODS = public_methods()


class AtOnce:
    """An executor that does what it is given before it returns."""

    def submit(self, do: Callable[..., Any], /, *arguments: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(do(*arguments))
        return done


class Calls:
    """A store with a run in it, and arguments that every method takes."""

    def __init__(self, ledger: fl.Ledger, folder: Path) -> None:
        self.ledger = ledger
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload={"a": 1}, by="ada")
        export = folder / "run.jsonl"
        if not export.exists():
            ledger.history.export(run.id, export)
        self.fitting: dict[str, Any] = {
            "definition": DEFINITION,
            "workflow_id": "w",
            "group": "status",
            "run_id": run.id,
            "work_order_id": run.work_order_id,
            "run_a": run.id,
            "run_b": run.id,
            "run_ids": [run.id],
            "path": folder / "out.jsonl",
            "name": "w",
            "metadata": {"a": 1},
            "a": 1,
            "b": 1,
            "runs": [run.id],
            "version": 1,
            "node": "n",
            "part": run.id[-6:],
            "at": 1,
            "digest": "0" * 64,
            "snapshot": run.snapshot,
            "app": f"{__name__}:executors",
            "folder": folder / "exports",
            "after": 0,
            "connection": None,
            "subject": "customer:42",
        }
        self.export = export

    def method(self, name: str) -> Callable[..., Any]:
        found: Any = self.ledger
        for part in name.split("."):
            found = getattr(found, part)
        return found  # type: ignore[no-any-return]

    def arguments(self, name: str) -> dict[str, Any]:
        """Arguments for each parameter that needs one. A method with a new one fails here, by name."""
        parameters = inspect.signature(self.method(name)).parameters
        given = {key: self.fitting[key] for key, one in parameters.items() if one.default is one.empty}
        if "executor" in parameters:
            given["executor"] = AtOnce()  # processes of its own would take a while for each value
        return given | ({"path": self.export} if name == "history.import_" else {})

    def call(self, name: str, arguments: dict[str, Any]) -> None:
        """Raises what isn't ours."""
        try:
            found = self.method(name)(**arguments)
            if isinstance(found, fl.Subscription):
                found.close()  # it waits for what comes
            if isinstance(found, Iterator):
                list(islice(found, 10))
        except fl.FlowledgerError as error:
            said = str(error)
            assert said
            assert len(said) < 20_000
            assert not {char for char in said if not char.isprintable()} & set("\0\x1b\x07\x9b\x7f\u202e\udcff")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def calls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    folder = tmp_path_factory.mktemp("hostile")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/s.db"
    else:
        url = request.getfixturevalue("new_postgres_url")()
    with fl.open_ledger(url, executors) as ledger:
        yield Calls(ledger, folder)


def hostile(key: str) -> list[Any]:
    """The values for one parameter, but those that would be a file's name or code of the caller's."""
    if key == "progress":
        return []
    return [value for value in VALUES if key not in ("path", "heads", "folder") or not isinstance(value, str)]


def wrong_of(calls: Calls, name: str, arguments: dict[str, Any]) -> list[str]:
    """What came out and is no error of ours, told."""
    try:
        calls.call(name, calls.arguments(name) | arguments)
    except BaseException as error:
        given = ", ".join(f"{key}={quoted(value)}" for key, value in arguments.items())
        return [f"{name}({given}): {type(error).__name__}: {str(error)!a}"]
    return []


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_is_given_anything_for_one_argument_raises_our_errors_alone(calls: Calls, name: str) -> None:
    parameters = inspect.signature(calls.method(name)).parameters
    wrong = [said for key in parameters for value in hostile(key) for said in wrong_of(calls, name, {key: value})]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_is_given_a_key_and_anything_for_an_id_raises_our_errors_alone(calls: Calls, name: str) -> None:
    parameters = inspect.signature(calls.method(name)).parameters
    ids = [key for key in ("workflow_id", "run_id", "work_order_id") if key in parameters]
    if "idempotency_key" not in parameters or not ids:
        return
    given = [{"idempotency_key": f"{name}-{key}", key: value} for key in ids for value in hostile(key)]
    wrong = [said for arguments in given for said in wrong_of(calls, name, arguments)]
    assert not wrong, "\n".join(wrong)


@settings(max_examples=tries(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_method_that_is_given_anything_for_several_arguments_raises_our_errors_alone(
    calls: Calls, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(METHODS))
    keys = [key for key in inspect.signature(calls.method(name)).parameters if hostile(key)]
    chosen = data.draw(st.lists(st.sampled_from(keys), unique=True) if keys else st.just([]))
    given = {key: data.draw(st.sampled_from(range(len(hostile(key))))) for key in chosen}
    wrong = wrong_of(calls, name, {key: hostile(key)[at] for key, at in given.items()})
    assert not wrong, wrong[0]


def test_after_all_of_it_the_store_is_sound(calls: Calls) -> None:
    assert calls.ledger.verify(deep=True).findings == ()
    assert calls.ledger.history.runs(limit=5)
    assert calls.ledger.workflows.list(archived=True)  # one of the calls may have archived it


# --- what needs no store ----------------------------------------------------------------------------------------------

ONE = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "t"}]})

CALLS: dict[str, Callable[[Any], object]] = {
    "a definition": fl.WorkflowDefinition.model_validate,
    "nodes": lambda value: fl.WorkflowDefinition.model_validate({"nodes": value}),
    "an edge's source": lambda value: fl.WorkflowDefinition.model_validate(
        {"nodes": [{"id": "n", "type": "t"}], "edges": [{"source": value, "target": "n"}]}
    ),
    "metadata.retry": lambda value: fl.WorkflowDefinition.model_validate(
        {"nodes": [{"id": "n", "type": "t", "metadata": {"retry": value}}]}
    ),
    "max_retries": lambda value: fl.RetryPolicy(max_retries=value),
    "interval": lambda value: fl.RetryPolicy(max_retries=1, interval=value),
    "a snapshot": fl.Snapshot.from_json,
    "a snapshot's context": lambda value: fl.Snapshot.from_json({"workflowId": "w", "context": value}),
    "an executor's type": lambda value: fl.ExecutorRegistry().register(value)(len),
    "an engine's payload": lambda value: fl.Engine(ONE, executors).execute(payload=value),
    "an engine's snapshot": lambda value: fl.Engine(ONE, executors).execute(value),
    "an engine's start": lambda value: fl.Engine(ONE, executors).execute(start=value),
    "an engine's workflow": lambda value: fl.Engine(ONE, executors).execute(workflow_id=value),
    "an engine's step limit": lambda value: fl.Engine(ONE, executors).execute(step_limit=value),
    "an engine's globals": lambda value: fl.Engine(ONE, executors).execute(globals=value),
    "an engine's metadata": lambda value: fl.Engine(ONE, executors).execute(metadata=value),
    "a clock": lambda value: fl.Engine(ONE, executors, clock=lambda: value).execute(),
    "threads": lambda value: fl.open_ledger("memory:", threads=_no_number(value)).close(),
    "durability": lambda value: fl.open_ledger("memory:", durability=value).close(),
    "executors": lambda value: fl.open_ledger("memory:", value).close(),
    "a batch": lambda value: fl.Batch(steps=value),
}


def _no_number(value: Any) -> Any:
    return None if isinstance(value, int) and value > 1 else value  # so many threads are nobody's mistake


@pytest.mark.parametrize("what", CALLS)
def test_what_needs_no_store_raises_our_errors_alone(what: str) -> None:
    wrong = []
    for value in VALUES:
        try:
            with suppress(fl.FlowledgerError):
                CALLS[what](value)
        except BaseException as error:
            wrong.append(f"{quoted(value)}: {type(error).__name__}: {str(error)!a}")
    assert not wrong, "\n".join(wrong)


# --- what executors return --------------------------------------------------------------------------------------------

RETURNED: dict[str, Callable[[Any], Any]] = {
    "output": lambda value: value,
    "handle": lambda value: fl.StepResult(1, handle=value),
    "reason": lambda value: fl.Pause(reason=value),
    "until": lambda value: fl.Pause(until=value),
    "pause as data": lambda value: {"__pause": True, "reason": value, "until": value},
}


@pytest.mark.parametrize("kind", RETURNED)
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_whatever_an_executor_returns_or_raises_is_recorded(
    kind: str, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    values = [*VALUES, *(ValueError(text) for text in TEXTS), *(fl.NonRetryable(text) for text in TEXTS)]

    def give(step: fl.StepContext) -> Any:
        value = values[step.payload]
        step.log.debug("given %s", value)
        if isinstance(value, Exception):
            raise value
        return RETURNED[kind](value)

    mine = fl.ExecutorRegistry()
    mine.register("t")(give)
    url = f"sqlite:///{tmp_path}/s.db" if store == "sqlite" else request.getfixturevalue("new_postgres_url")()
    with fl.open_ledger(url, mine) as ledger:
        ledger.workflows.save(ONE, workflow_id="w", by="ada")
        runs = [ledger.runs.start("w", payload=at) for at in range(len(values))]
        assert {run.status for run in runs} <= {"completed", "paused", "failed"}
        for run in runs:
            str(ledger.history.audit(run.id))
        assert ledger.verify(deep=True).findings == ()
