"""Whatever can be called on a ledger, on its namespaces or on an engine can be awaited, too."""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

import flowledger as fl


def owners() -> list[type]:
    """The ledger, every namespace that it has, and the engine."""
    with fl.open_ledger("memory:") as ledger:
        namespaces = [type(value) for name, value in vars(ledger).items() if not name.startswith("_")]
    assert len(namespaces) >= 4
    return [fl.Ledger, *namespaces, fl.Engine]


def public_methods(owner: type) -> dict[str, Callable[..., Any]]:
    methods = {name: getattr(owner, name) for name in dir(owner) if not name.startswith("_")}
    return {name: method for name, method in methods.items() if callable(method)}


def is_awaited(method: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)


MADE = {"worker", "aworker", "subscribe", "asubscribe", "within", "sign_regularly", "apply_regularly"}
"""They make something, wait for nothing, and have a variant that makes something else, or none."""

SYNC = [
    (owner, name, method)
    for owner in owners()
    for name, method in public_methods(owner).items()
    if not is_awaited(method) and name not in MADE
]
ASYNC = [
    (owner, name, method) for owner in owners() for name, method in public_methods(owner).items() if is_awaited(method)
]


def names(cases: list[tuple[type, str, Any]]) -> list[str]:
    return [f"{owner.__name__}.{name}" for owner, name, _ in cases]


@pytest.mark.parametrize(("owner", "name", "method"), SYNC, ids=names(SYNC))
def test_a_public_method_has_an_async_variant_with_the_same_signature(
    owner: type, name: str, method: Callable[..., Any]
) -> None:
    variant = getattr(owner, f"a{name}", None)
    assert variant is not None, f"{owner.__name__}.{name} has no a{name}"
    assert variant.__name__ == f"a{name}"
    assert variant.__qualname__ == f"{owner.__name__}.a{name}" or not method.__qualname__.startswith(owner.__name__)
    assert variant.__doc__ == method.__doc__
    ours, theirs = inspect.signature(method), inspect.signature(variant)
    assert list(theirs.parameters.values()) == list(ours.parameters.values())
    if get_origin(ours.return_annotation) is Iterator:
        assert inspect.isasyncgenfunction(variant)
        assert get_origin(theirs.return_annotation) is AsyncIterator
        assert get_args(theirs.return_annotation) == get_args(ours.return_annotation)
    else:
        assert inspect.iscoroutinefunction(variant)  # awaited, it answers with what its signature says
        assert theirs.return_annotation == ours.return_annotation


@pytest.mark.parametrize(("owner", "name", "variant"), ASYNC, ids=names(ASYNC))
def test_an_async_method_is_the_variant_of_another_one(owner: type, name: str, variant: Callable[..., Any]) -> None:
    assert name.startswith("a")
    assert callable(getattr(owner, name[1:], None)), f"{owner.__name__}.{name} has no {name[1:]}"


DEFINITION = {"nodes": [{"id": "n", "type": "n"}]}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def executors_that_return(output: Any) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("n")(lambda step: output)
    return executors


async def test_a_ledger_opened_with_async_with_is_closed_behind_it(store_url: str) -> None:
    async with fl.open_ledger(store_url, executors_that_return(1)) as ledger:
        await ledger.workflows.asave(DEFINITION, workflow_id="w", by="ada")
        run = await ledger.runs.astart("w")
        assert run.status == "completed"
    with pytest.raises(fl.StorageUnavailable):
        ledger.workflows.list()


async def test_an_error_leaves_async_with_as_it_is_and_the_ledger_closed() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with fl.open_ledger("memory:") as ledger:
            raise KeyError("mine")
    with pytest.raises(fl.StorageUnavailable):
        ledger.workflows.list()


async def test_closing_leaves_the_event_loop_free_and_may_be_done_twice(tmp_path: Path) -> None:
    ledger = fl.open_ledger(f"sqlite:///{tmp_path}/s.db")
    ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
    closed_in: list[str] = []
    close = ledger._store.close
    ledger._store.close = lambda: (closed_in.append(threading.current_thread().name), close())[-1]  # type: ignore[method-assign]
    await ledger.aclose()
    await ledger.aclose()
    ledger.close()
    assert closed_in[0].startswith("flowledger-store")
    assert closed_in[-1] == threading.main_thread().name


async def test_a_ledger_may_be_opened_in_a_thread_of_the_caller(tmp_path: Path) -> None:
    async with await asyncio.to_thread(fl.open_ledger, f"sqlite:///{tmp_path}/s.db") as ledger:
        await ledger.workflows.asave(DEFINITION, workflow_id="w", by="ada")
        assert [one.id for one in await ledger.workflows.alist()] == ["w"]


async def test_closing_stores_what_waits_for_a_batch(durable_url: str) -> None:
    executors = fl.ExecutorRegistry()
    begun, let_go = threading.Event(), threading.Event()

    @executors.register("wait")
    def wait(step: fl.StepContext) -> None:
        begun.set()
        let_go.wait(60)

    executors.register("n")(lambda step: 1)
    definition = {
        "nodes": [{"id": "n", "type": "n"}, {"id": "wait", "type": "wait"}],
        "edges": [{"source": "n", "target": "wait"}],
    }
    batch = fl.Batch(steps=100, milliseconds=3_600_000)
    ledger = fl.open_ledger(durable_url, executors, durability=batch)
    ledger.workflows.save(definition, workflow_id="w", by="ada")
    started = asyncio.create_task(ledger.runs.astart("w"))
    assert await asyncio.to_thread(begun.wait, 60)
    await ledger.aclose()
    let_go.set()
    with pytest.raises(fl.StorageUnavailable):
        await started
    async with fl.open_ledger(durable_url, executors) as again:
        (run,) = await again.history.aruns()
        kept = await again.history.asnapshot(run.id)
        assert kept.context["n"][0].output == 1


async def test_an_engine_begins_a_run_in_async_code_as_elsewhere() -> None:
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(DEFINITION), executors_that_return(1), lambda: NOON)
    begun = await engine.abegin(workflow_id="w", metadata={"by": "ada"})
    assert begun == engine.begin(workflow_id="w", metadata={"by": "ada"})
    assert (await engine.aexecute(begun)).status == "completed"
