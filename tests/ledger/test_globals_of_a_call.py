"""The globals of a call: given with it or by the ledger, and refused before it begins where any is missing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..effort import tries

GLOBALS = {"token": "t0ken-value", "host": "api.example"}
CALL = {"id": "call", "type": "call", "data": {"auth": "Bearer {{ globals.token }}", "to": "{{ globals.host }}"}}
ASK_AND_CALL = {"nodes": [{"id": "ask", "type": "ask"}, CALL], "edges": [{"source": "ask", "target": "call"}]}


class Story:
    """A run of each kind that a call can go on with or begin from."""

    def __init__(self, **opened: Any) -> None:
        self.healthy = False
        executors = fl.ExecutorRegistry()

        @executors.register("call", retry=fl.RetryPolicy(max_retries=5, interval=0))
        def call(step: fl.StepContext) -> str:
            if not self.healthy:
                raise RuntimeError("503")
            return str(step.data["auth"])

        @executors.register("ask")
        def ask(step: fl.StepContext) -> Any:
            return step.payload if step.payload is not None else fl.Pause("?")

        executors.register("do")(lambda step: dict(step.globals))
        self.ledger = fl.open_ledger("memory:", executors, **opened)
        self.runs = self.ledger.runs
        for name, definition in {"call": {"nodes": [CALL]}, "ask": ASK_AND_CALL}.items():
            self.ledger.workflows.save(definition, workflow_id=name, by="ada")
        self.due = self.runs.start("call", globals=GLOBALS)
        self.waiting = self.runs.start("ask", globals=GLOBALS)
        self.ended = self.runs.cancel(self.runs.start("call", globals=GLOBALS).id)
        self.queued = self.runs.start("call", wait=False)
        self.healthy = True

    def written(self) -> int:
        return self.ledger.verify().events


CALLS: dict[str, Callable[[Story, dict[str, Any]], fl.Run]] = {
    "start": lambda story, given: story.runs.start("call", **given),
    "start with a key": lambda story, given: story.runs.start("call", idempotency_key="k", **given),
    "start at a question": lambda story, given: story.runs.start("ask", **given),
    "resume": lambda story, given: story.runs.resume(story.waiting.id, payload=True, **given),
    "proceed with what is due": lambda story, given: story.runs.proceed(story.due.id, **given),
    "proceed with what is queued": lambda story, given: story.runs.proceed(story.queued.id, **given),
    "retry": lambda story, given: story.runs.retry(story.ended.id, **given),
    "retry from a node": lambda story, given: story.runs.retry(story.ended.id, from_node="call", **given),
    "reproduce": lambda story, given: story.runs.reproduce(story.due.id, **given),
    "fork": lambda story, given: story.runs.fork(story.ended.id, **given),
    "fork of a question": lambda story, given: story.runs.fork(story.waiting.id, payload=True, **given),
}


@pytest.fixture
def story() -> Iterator[Story]:
    told = Story()
    with told.ledger:
        yield told


@pytest.mark.parametrize("given", [{}, {"globals": {}}, {"globals": {"token": "t0ken-value"}}])
@pytest.mark.parametrize("command", CALLS)
def test_a_call_that_lacks_globals_is_refused_and_writes_nothing(
    story: Story, command: str, given: dict[str, Any]
) -> None:
    before = story.written()
    with pytest.raises(fl.GlobalsMissing) as refused:
        CALLS[command](story, given)
    missing = [name for name in ("host", "token") if name not in given.get("globals", {})]
    assert list(refused.value.names) == missing
    assert set(refused.value.nodes) == {"call"}
    assert all(repr(name) in str(refused.value) for name in missing)
    assert "t0ken-value" not in str(refused.value)
    assert story.written() == before
    run = CALLS[command](story, {"globals": GLOBALS})
    assert run.status == ("paused" if "at a question" in command else "completed")


async def test_async_calls_are_refused_as_well(story: Story) -> None:
    before = story.written()
    for refused in (
        story.runs.astart("call"),
        story.runs.aresume(story.waiting.id, payload=True),
        story.runs.aproceed(story.due.id),
        story.runs.aretry(story.ended.id),
        story.runs.areproduce(story.due.id),
        story.runs.afork(story.ended.id),
    ):
        with pytest.raises(fl.GlobalsMissing):
            await refused
    assert story.written() == before


def test_each_item_of_a_bulk_retry_is_refused_by_itself(story: Story) -> None:
    story.ledger.workflows.save({"nodes": [{"id": "n", "type": "do"}]}, workflow_id="plain", by="ada")
    plain = story.runs.start("plain")
    refused, retried = story.runs.retry_all([story.ended.id, plain.id])
    assert (refused.outcome, retried.outcome) == ("refused", "retried")
    assert "'token' (node 'call')" in str(refused.reason)


def test_what_executes_nothing_needs_no_globals(story: Story) -> None:
    story.runs.start("call", wait=False)
    story.runs.retry(story.ended.id, wait=False)
    assert story.runs.fork(story.waiting.id).status == "paused"
    assert story.runs.proceed(story.ended.id) == story.ended
    story.runs.pause(story.due.id)
    story.runs.cancel(story.waiting.id)


def test_a_preview_of_a_retry_needs_none(story: Story) -> None:
    assert story.runs.retry(story.ended.id, preview=True).start_node_id == "call"


def test_a_message_names_ten_and_says_how_many_more(story: Story) -> None:
    data = [f"{{{{ globals.name{number:03} }}}}" for number in range(300)]
    story.ledger.workflows.save({"nodes": [CALL | {"data": {"x": data}}]}, workflow_id="w", by="ada")
    with pytest.raises(fl.GlobalsMissing, match=r"and 290 more, all in \.names") as refused:
        story.runs.start("w")
    assert len(refused.value.names) == len(refused.value.nodes) == 300
    assert len(str(refused.value)) < 1000


def test_only_nodes_that_are_still_to_come_count(story: Story) -> None:
    nodes = [CALL, {"id": "ask", "type": "ask"}, {"id": "last", "type": "do", "data": {"x": "{{ globals.last }}"}}]
    edges = [{"source": "call", "target": "ask"}, {"source": "ask", "target": "last"}]
    story.ledger.workflows.save({"nodes": nodes, "edges": edges, "start": "call"}, workflow_id="w", by="ada")
    with pytest.raises(fl.GlobalsMissing) as refused:
        story.runs.start("w", globals=GLOBALS)
    assert refused.value.names == ("last",)
    assert refused.value.nodes == ("last",)
    run = story.runs.start("w", globals=GLOBALS | {"last": 1})
    assert story.runs.resume(run.id, payload=1, globals={"last": "it"}).status == "completed"


def test_in_a_loop_all_its_nodes_are_to_come(story: Story) -> None:
    nodes = [CALL, {"id": "ask", "type": "ask"}]
    edges = [{"source": "call", "target": "ask"}, {"source": "ask", "target": "call"}]
    story.ledger.workflows.save({"nodes": nodes, "edges": edges, "start": "call"}, workflow_id="w", by="ada")
    run = story.runs.start("w", globals=GLOBALS)
    with pytest.raises(fl.GlobalsMissing):
        story.runs.resume(run.id, payload=1)
    assert story.runs.resume(run.id, payload=1, globals=GLOBALS).status == "paused"


def test_a_value_that_is_hidden_from_expressions_is_not_missing(story: Story) -> None:
    hidden = {
        "token": fl.Scoped("x-token", types=("other",)),
        "host": fl.Scoped("x-host", ("call",), expressions=False),
    }
    run = story.runs.start("call", globals=hidden)
    assert "is limited to" in str(run.snapshot.context["call"][-1].error)


def test_an_input_is_refused_for_what_is_missing_before_it_is_for_its_schema() -> None:
    executors = fl.ExecutorRegistry()
    schema = {"type": "object", "properties": {"auth": {"type": "integer"}}}
    executors.register("call", input=schema)(lambda step: None)
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [CALL]}, workflow_id="w", by="ada")
        with pytest.raises(fl.GlobalsMissing):
            ledger.runs.start("w")
        with pytest.raises(fl.WorkOrderRejected) as rejected:
            ledger.runs.start("w", globals=GLOBALS)
        with pytest.raises(fl.GlobalsMissing):
            ledger.runs.retry(rejected.value.work_order_id)
        with pytest.raises(fl.WorkOrderRejected):
            ledger.runs.retry(rejected.value.work_order_id, globals=GLOBALS)


# Graphs at random: nodes read globals, in any case or guarded.

NODES = ("a", "b", "c", "d", "e")
NAMES = ("g", "h", "i")
SOURCES = ("{{ globals.%s }}", "x {{ 'y' + globals.%s }}", "{{ has(globals.%s) ? globals.%s : '' }}", "plain %s")

READS = st.tuples(st.sampled_from(SOURCES), st.sampled_from(NAMES))


@settings(max_examples=tries(300), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NODES), st.lists(st.tuples(st.sampled_from(SOURCES), st.sampled_from(NAMES)), max_size=2)
    ),
    st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=6, unique_by=lambda edge: edge[0]),
    st.sets(st.sampled_from(NAMES)),
)
def test_a_call_is_refused_for_what_a_step_to_come_would_fail_for_and_for_nothing_else(
    reads: dict[str, list[tuple[str, str]]], edges: list[tuple[str, str]], names: set[str]
) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: None)
    data = {node: [source.replace("%s", name) for source, name in reads.get(node, [])] for node in NODES}
    definition = {
        "nodes": [{"id": node, "type": "do", "data": {"x": data[node]}} for node in NODES],
        "edges": [{"source": source, "target": target} for source, target in edges],
        "start": "a",
    }
    way, following = ["a"], dict(edges)
    while (node := following.get(way[-1])) is not None and node not in way:
        way.append(node)
    needed = {name for node in way for source, name in reads.get(node, []) if source in SOURCES[:2]}
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        before = ledger.verify().events
        given = dict.fromkeys(names, "value")
        if missing := needed - names:
            with pytest.raises(fl.GlobalsMissing) as refused:
                ledger.runs.start("w", globals=given)
            assert set(refused.value.names) == missing
            assert ledger.verify().events == before
        else:
            run = ledger.runs.start("w", globals=given, step_limit=8)
            assert all(result.error is None for results in run.snapshot.context.values() for result in results)


# What a ledger was opened with


@pytest.mark.parametrize("source", [GLOBALS, lambda run: GLOBALS])
@pytest.mark.parametrize("command", CALLS)
def test_a_ledger_gives_its_globals_to_every_call_that_gives_none(command: str, source: Any) -> None:
    story = Story(globals=source)
    run = CALLS[command](story, {})
    if run.status == "paused":
        run = story.runs.resume(run.id, payload=True)
    assert run.status == "completed"
    assert run.snapshot.context["call"][-1].output == "Bearer t0ken-value"


@pytest.mark.parametrize("source", [GLOBALS, lambda run: GLOBALS])
def test_a_ledger_gives_them_to_replays_too(source: Any) -> None:
    story = Story(globals=source)
    run = story.runs.start("call")
    assert story.ledger.history.replay(run.id).ok
    assert not story.ledger.history.replay(run.id, globals={}).ok


@pytest.mark.parametrize("source", [{"limit": 3}, lambda run: {"limit": 3}])
def test_a_ledger_gives_them_to_conditions_of_edges_and_to_forks_that_these_decide(source: Any) -> None:
    story = Story(globals=source)
    nodes = [{"id": node, "type": "do"} for node in ("a", "much", "little")]
    edges = [
        {"source": "a", "target": "much", "when": "nodes.a.output.amount > globals.limit"},
        {"source": "a", "target": "little"},
    ]
    story.ledger.workflows.save({"nodes": nodes, "edges": edges, "start": "a"}, workflow_id="w", by="ada")
    with pytest.raises(fl.GlobalsMissing):
        story.runs.start("w", globals={})
    run = story.runs.start("w", wait=False)
    done = next(
        event.version for event in story.ledger.history.events(story.runs.proceed(run.id).id) if "output" in event.data
    )
    for amount, node in ((4, "much"), (2, "little")):
        assert list(story.runs.fork(run.id, done, output={"amount": amount}).snapshot.context)[-1] == node


async def test_a_ledger_gives_them_to_async_calls_and_each_item_of_a_bulk_retry() -> None:
    asked: list[str] = []
    story = Story(globals=lambda run: asked.append(run.id) or GLOBALS)
    asked.clear()
    assert (await story.runs.astart("call")).status == "completed"
    (item,) = story.runs.retry_all([story.ended.id])
    assert item.status == "completed"
    assert [item.new_run_id] == asked[1:]


def test_a_call_that_gives_globals_itself_gets_no_others() -> None:
    story = Story(globals=GLOBALS)
    story.ledger.workflows.save({"nodes": [{"id": "n", "type": "do"}]}, workflow_id="seen", by="ada")

    def seen(**given: Any) -> Any:
        return story.runs.start("seen", **given).snapshot.context["n"][0].output

    assert seen() == GLOBALS
    assert seen(globals={}) == {}
    assert seen(globals={"other": 1}) == {"other": 1}
    with pytest.raises(fl.GlobalsMissing):
        story.runs.start("call", globals={})


def test_a_function_is_asked_once_a_call_with_the_run_as_it_stands() -> None:
    asked: list[fl.Run] = []

    def of(run: fl.Run) -> dict[str, Any]:
        asked.append(run)
        return GLOBALS

    story = Story(globals=of)
    assert asked == []  # each call of the story gave its own, or executed nothing
    story.runs.resume(story.waiting.id, payload=True)
    story.runs.proceed(story.due.id)
    assert asked == [story.waiting, story.due]
    asked.clear()
    metadata = {"tenant": "blue"}
    started = story.runs.start("call", metadata=metadata, idempotency_key="k")
    retried = story.runs.retry(story.ended.id)
    assert [run.id for run in asked] == [started.id, retried.id]
    assert [run.version for run in asked] == [1, 1]
    assert [run.status for run in asked] == ["active", "active"]
    assert asked[0].snapshot.metadata == metadata
    assert asked[0].workflow_id == "call"
    assert asked[1].work_order_id == story.ended.work_order_id
    assert asked[1].origin is not None
    assert asked[1].origin.run_id == story.ended.id
    asked.clear()
    assert story.runs.start("call", metadata=metadata, idempotency_key="k") == started
    story.runs.proceed(story.ended.id)
    story.runs.start("call", wait=False)
    story.runs.fork(story.waiting.id)
    story.runs.retry(story.ended.id, preview=True)
    story.ledger.history.replay(started.id, verify=False)
    assert asked == []


@pytest.mark.parametrize("command", CALLS)
def test_what_the_function_raises_is_raised_and_nothing_is_written(command: str) -> None:
    class VaultClosed(Exception):
        pass

    def of(run: fl.Run) -> dict[str, Any]:
        raise VaultClosed(run.id)

    story = Story(globals=of)
    before = story.written()
    with pytest.raises(VaultClosed):
        CALLS[command](story, {})
    assert story.written() == before
    assert CALLS[command](story, {"globals": GLOBALS}).status in ("completed", "paused")


@pytest.mark.parametrize("answer", [["token"], "token", 7, iter(())])
def test_what_a_function_returns_is_a_mapping(answer: Any) -> None:
    story = Story(globals=lambda run: answer)
    before = story.written()
    with pytest.raises(fl.InvalidRequest, match="globals are a mapping"):
        story.runs.start("call")
    assert story.written() == before


@pytest.mark.parametrize("name", [7, None, ("token",), b"token"])
def test_a_name_is_text(name: Any) -> None:
    story = Story(globals=lambda run: GLOBALS)
    before = story.written()
    with pytest.raises(fl.InvalidRequest, match=r"globals .*: a name is text, and this is (int|NoneType|tuple|bytes)"):
        story.runs.start("call", globals={**GLOBALS, name: "x"})
    assert story.written() == before


def test_a_function_may_have_none_for_a_run() -> None:
    story = Story(globals=lambda run: None)
    with pytest.raises(fl.GlobalsMissing):
        story.runs.start("call")


async def a_function(run: fl.Run) -> dict[str, Any]:
    return GLOBALS


@pytest.mark.parametrize("source", [7, "token", ["token"], a_function])
def test_a_ledger_is_opened_with_a_mapping_or_a_function(source: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="globals are a mapping"):
        fl.open_ledger("memory:", globals=source)


def test_a_mapping_is_read_anew_for_each_call() -> None:
    given = dict(GLOBALS)
    story = Story(globals=given)
    given["token"] = "rotated-token"
    assert story.runs.proceed(story.due.id).snapshot.context["call"][-1].output == "Bearer rotated-token"
    del given["token"]
    with pytest.raises(fl.GlobalsMissing):
        story.runs.start("call")


def test_the_secrets_of_a_ledger_are_masked_as_any() -> None:
    story = Story(globals=GLOBALS | {"zone": fl.Public("zone-7")})
    story.ledger.workflows.save(
        {"nodes": [CALL | {"data": CALL["data"] | {"zone": "{{ globals.zone }}"}}]}, workflow_id="w", by="ada"
    )
    run = story.runs.start("w")
    recorded = list(story.ledger.history.events(run.id))[-1].data
    assert recorded["input"] == {"auth": "***", "to": "***", "zone": "zone-7"}
