"""LangGraph: a graph of one node that runs again and again, with the checkpointer that writes after every step."""

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypedDict, cast
from uuid import uuid4

from ..workers import Work
from .ours import OUTPUT
from .raw import versions


class State(TypedDict):
    done: int
    steps: int
    output: str


@contextmanager
def steps(url: str, runs: int = 1) -> Generator[Work]:
    """Each unit is a step of one of so many threads; several run on threads of Python."""
    with _graph(url, connections=min(runs, 10)) as graph, ThreadPoolExecutor(runs) as pool:

        def work(units: int) -> float:
            began = time.perf_counter()
            for ran in [pool.submit(_run, graph, units // runs) for _ in range(runs)]:
                ran.result()
            return time.perf_counter() - began

        yield work


@contextmanager
def state_at(url: str, checkpoints: int) -> Generator[Work]:
    """Each unit is ``get_state`` of one of the checkpoints of a thread."""
    with _graph(url) as graph:
        thread = _run(graph, checkpoints)
        configs = [state.config for state in graph.get_state_history(thread)]
        places = versions(checkpoints)

        def work(units: int) -> float:
            began = time.perf_counter()
            for number in islice(places, units):
                assert graph.get_state(configs[number]).values["steps"] == checkpoints
            return time.perf_counter() - began

        yield work


@contextmanager
def every_state(url: str, checkpoints: int) -> Generator[Work]:
    """Each unit is one pass over ``get_state_history`` of a thread."""
    with _graph(url) as graph:
        thread = _run(graph, checkpoints)

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                assert len([state.values for state in graph.get_state_history(thread)]) >= checkpoints
            return time.perf_counter() - began

        yield work


def _run(graph: Any, steps: int) -> Any:
    thread: dict[str, Any] = {"configurable": {"thread_id": uuid4().hex}}
    state = {"done": 0, "steps": steps, "output": ""}
    assert graph.invoke(state, thread | {"recursion_limit": steps + 2}, durability="sync")["done"] == steps
    return thread


@contextmanager
def _graph(url: str, connections: int = 1) -> Generator[Any]:
    from langgraph.graph import END, START, StateGraph

    def step(state: State) -> dict[str, Any]:
        return {"done": state["done"] + 1, "output": f"{state['done']:05}{OUTPUT[5:]}"}

    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: "step" if state["done"] < state["steps"] else END)
    with _saver(url, connections) as saver:
        saver.setup()
        yield builder.compile(checkpointer=saver)


@contextmanager
def _saver(url: str, connections: int) -> Generator[Any]:
    if url.startswith("sqlite"):
        from langgraph.checkpoint.sqlite import SqliteSaver

        with SqliteSaver.from_conn_string(url.removeprefix("sqlite:///")) as saver:
            yield saver
        return
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool

    # As its own from_conn_string connects, which knows one connection only.
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with ConnectionPool(url, min_size=connections, max_size=connections, kwargs=options) as pool:
        yield PostgresSaver(cast("Any", pool))
