"""A run is one trace, whose ids follow from the run's, and in which the application's own spans have their place."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry import trace

import flowledger as fl

from .collector import Collector, context_of, id_of, ids_in, links_of, parent_of, trace_of


def line(*types: str) -> dict[str, Any]:
    nodes = [{"id": f"{type}-{place}", "type": type} for place, type in enumerate(types)]
    return {"nodes": nodes, "edges": [{"source": a["id"], "target": b["id"]} for a, b in pairwise(nodes)]}


def executors(application: trace.Tracer | None = None) -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()
    tracer = application or trace.NoOpTracer()

    @registry.register("work")
    def work(step: fl.StepContext) -> Any:
        with tracer.start_as_current_span(f"inside {step.node.id}"):
            return step.payload

    @registry.register("await")
    async def wait(step: fl.StepContext) -> Any:
        await asyncio.sleep(0)
        with tracer.start_as_current_span(f"inside {step.node.id}"):
            return None

    @registry.register("ask")
    def ask(step: fl.StepContext) -> Any:
        return fl.Pause("approve?") if step.answer is None else step.answer.payload

    @registry.register("refuse")
    def refuse(step: fl.StepContext) -> Any:
        raise ValueError(f"no stock of {step.payload}")

    @registry.register("flaky", retry=fl.RetryPolicy(max_retries=1, interval=60))
    def flaky(step: fl.StepContext) -> Any:
        if step.attempt == 1:
            raise TimeoutError("the bank is slow")

    return registry


def open_traced(collector: Collector, url: str = "memory:", **options: Any) -> fl.Ledger:
    return fl.open_ledger(url, executors(collector.application), telemetry=collector.telemetry, **options)


def digits(text: str, count: int) -> str:
    return sha256(text.encode()).hexdigest()[:count]


def test_a_run_is_one_trace_whose_ids_follow_from_its_own(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work", "ask", "work"), workflow_id="order")
        run = ledger.runs.resume(ledger.runs.start("order").id, payload=True)

    spans = collector.spans()
    assert {trace_of(span) for span in spans} == {digits(run.id, 32)}
    whole = collector.span("run order")
    assert (id_of(whole), parent_of(whole)) == (digits(f"{run.id}/run", 16), None)
    first, second = collector.spans("execute order")
    assert {parent_of(first), parent_of(second)} == {id_of(whole)}
    assert [id_of(first), id_of(second)] == [digits(f"{run.id}/claim/{version}", 16) for version in (1, 4)]
    steps = collector.spans("step")
    assert [id_of(span) for span in steps] == [digits(f"{run.id}/step/{version}", 16) for version in (2, 3, 5, 6)]
    assert [parent_of(span) for span in steps] == [id_of(first)] * 2 + [id_of(second)] * 2
    assert [span.attributes["flowledger.step.outcome"] for span in steps if span.attributes] == [
        "completed",
        "paused",
        "completed",
        "completed",
    ]


def test_a_span_says_what_was_executed_and_how_it_went(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("flaky", "refuse"), workflow_id="order")
        run = ledger.runs.proceed(ledger.runs.start("order").id)

    _, retried, failed = collector.spans("step")
    common = {"flowledger.run.id": run.id, "flowledger.workflow.id": "order", "flowledger.workflow.version": 1}
    assert dict(retried.attributes or {}) == common | {
        "flowledger.node.id": "flaky-0",
        "flowledger.node.type": "flaky",
        "flowledger.attempt": 2,
        "flowledger.step.outcome": "completed",
        "code.function.name": f"{__name__}.executors.<locals>.flaky",
    }
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "ValueError"
    assert (failed.status.status_code, failed.status.description) == (trace.StatusCode.ERROR, None)
    assert [span.attributes["flowledger.step.outcome"] for span in collector.spans("step") if span.attributes] == [
        "retrying",
        "completed",
        "failed",
    ]
    whole = collector.span("run order")
    assert dict(whole.attributes or {}) == common | {"flowledger.run.status": "failed"}
    assert whole.status.status_code is trace.StatusCode.ERROR
    assert run.finished_at is not None
    assert (whole.start_time, whole.end_time) == tuple(
        round(at.timestamp() * 1_000_000) * 1000 for at in (run.started_at, run.finished_at)
    )


def test_a_step_that_fails_before_it_is_executed_has_a_span_too(collector: Collector) -> None:
    definition = {"nodes": [{"id": "n", "type": "work", "data": {"total": "{{ payload.missing }}"}}]}
    with open_traced(collector) as ledger:
        ledger.workflows.save(definition, workflow_id="order")
        run = ledger.runs.start("order", payload={})

    span = collector.span("step n")
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ExpressionError"
    assert id_of(span) == digits(f"{run.id}/step/2", 16)


def start(ledger: fl.Ledger) -> fl.Run:
    return ledger.runs.start("order")


def astart(ledger: fl.Ledger) -> fl.Run:
    return asyncio.run(ledger.runs.astart("order"))


def start_in_a_loop(ledger: fl.Ledger) -> fl.Run:
    async def call() -> fl.Run:
        return ledger.runs.start("order")  # which awaits executors on another loop, in another thread

    return asyncio.run(call())


@pytest.mark.parametrize("call", [start, astart, start_in_a_loop])
@pytest.mark.parametrize("durability", ["step", "batch"])
def test_spans_of_executors_are_children_of_their_own_steps(
    collector: Collector, call: Callable[[fl.Ledger], fl.Run], durability: Any
) -> None:
    with open_traced(collector, durability=durability) as ledger:
        ledger.workflows.save(line("await", "work", "await", "work"), workflow_id="order")
        assert call(ledger).status == "completed"

    steps = {span.name.removeprefix("step "): id_of(span) for span in collector.spans("step ")}
    inside = {span.name.removeprefix("inside "): parent_of(span) for span in collector.spans("inside ")}
    assert len(steps) == 4
    assert inside == steps


def test_the_callers_own_span_and_the_run_lead_to_each_other(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("ask"), workflow_id="order")
        with collector.application.start_as_current_span("request"):
            run = ledger.runs.start("order")
        with collector.application.start_as_current_span("answer"):
            assert trace.get_current_span().get_span_context().trace_id != int(digits(run.id, 32), 16)
            ledger.runs.resume(run.id, payload=True)
        started = next(iter(ledger.history.events(run.id)))

    whole, (first, second) = collector.span("run order"), collector.spans("execute order")
    request, answer = collector.span("request"), collector.span("answer")
    flags = context_of(request).trace_flags
    assert started.data["traceparent"] == f"00-{trace_of(request)}-{id_of(request)}-{flags:02x}"
    assert links_of(whole) == [ids_in(request)]
    assert (links_of(first), links_of(second)) == ([ids_in(request)], [ids_in(answer)])
    assert links_of(request) == [ids_in(whole), ids_in(first)]
    assert links_of(answer) == [ids_in(second)]
    assert parent_of(request) is None


def test_a_run_that_another_process_executes_is_in_the_same_trace(tmp_path: Any) -> None:
    web, worker = Collector(), Collector()
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    with open_traced(web, url) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        with web.application.start_as_current_span("request"):
            run = ledger.runs.start("order", wait=False)
    with open_traced(worker, url) as ledger:
        ledger.runs.proceed(run.id)

    request = web.span("request")
    assert links_of(request) == [(int(digits(run.id, 32), 16), int(digits(f"{run.id}/run", 16), 16))]
    assert links_of(worker.span("run order")) == [ids_in(request)]
    assert {trace_of(span) for span in worker.spans()} == {digits(run.id, 32)}
    for collector in (web, worker):
        collector.close()


def test_a_repeated_run_leads_to_the_one_that_it_repeats(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        run = ledger.runs.start("order")
        again = ledger.runs.reproduce(run.id)

    assert links_of(collector.spans("run order")[1]) == [
        (int(digits(run.id, 32), 16), int(digits(f"{run.id}/run", 16), 16))
    ]
    assert trace_of(collector.spans("step")[1]) == digits(again.id, 32)


def test_what_is_taken_from_the_record_is_marked(collector: Collector) -> None:
    registry = fl.ExecutorRegistry()
    registry.register("charge", effects=True)(lambda step: 1)
    with fl.open_ledger("memory:", registry, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(line("charge"), workflow_id="order")
        ledger.runs.reproduce(ledger.runs.start("order").id)

    done, taken = (span.attributes or {} for span in collector.spans("step"))
    assert "flowledger.step.recorded" not in done
    assert taken["flowledger.step.recorded"] is True


def test_a_cancelled_run_has_one_whole_span(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("ask"), workflow_id="order")
        run = ledger.runs.cancel(ledger.runs.start("order").id)
        ledger.runs.set_metadata(run.id, {"ticket": 7})

    whole = collector.span("run order")
    assert (whole.attributes or {})["flowledger.run.status"] == "cancelled"
    assert whole.status.status_code is trace.StatusCode.UNSET


def test_a_run_that_is_cancelled_while_it_is_executed_has_one_whole_span(collector: Collector) -> None:
    registry = fl.ExecutorRegistry()

    @registry.register("last")
    def last(step: fl.StepContext) -> None:
        ledger.runs.cancel(step.run_id or "")

    with fl.open_ledger("memory:", registry, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(line("last"), workflow_id="order")
        assert ledger.runs.start("order").status == "cancelled"

    assert len(collector.spans("run order")) == 1


def test_no_span_says_what_went_through_the_run(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work", "refuse"), workflow_id="order")
        ledger.runs.start("order", payload="jane@example.org", globals={"key": "s3cr3t"}, metadata={"vip": "jane@"})

    told = "".join(span.to_json() for span in collector.spans())
    assert "refuse-1" in told
    assert not [text for text in ("jane@", "s3cr3t", "no stock") if text in told]
    assert not any(span.events for span in collector.spans())


def test_an_interrupted_step_ends_its_spans_and_leaves_none_current(collector: Collector) -> None:
    registry = fl.ExecutorRegistry()

    @registry.register("work")
    def work(step: fl.StepContext) -> None:
        raise KeyboardInterrupt

    with fl.open_ledger("memory:", registry, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        with pytest.raises(KeyboardInterrupt):
            ledger.runs.start("order")
        assert not trace.get_current_span().get_span_context().is_valid

    step, call = collector.spans()
    assert (step.name, (step.attributes or {})["error.type"]) == ("step work-0", "KeyboardInterrupt")
    assert (call.name, (call.attributes or {})["flowledger.run.status"]) == ("execute order", "active")


async def test_a_cancelled_task_ends_its_spans_and_leaves_none_current(collector: Collector) -> None:
    registry, entered = fl.ExecutorRegistry(), asyncio.Event()

    @registry.register("work")
    async def work(step: fl.StepContext) -> None:
        entered.set()
        await asyncio.Event().wait()

    async def call() -> bool:
        with pytest.raises(asyncio.CancelledError):
            await ledger.runs.astart("order")
        return trace.get_current_span().get_span_context().is_valid

    async with fl.open_ledger("memory:", registry, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        task = asyncio.create_task(call())
        await entered.wait()
        task.cancel()
        assert await task is False

    step, call_span = collector.spans()
    assert (step.attributes or {})["error.type"] == "CancelledError"
    assert parent_of(step) == id_of(call_span)


def test_an_error_that_the_caller_is_handling_is_none_of_the_runs(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        try:
            raise LookupError("of the caller")
        except LookupError:
            ledger.runs.start("order")

    assert {span.status.status_code for span in collector.spans()} == {trace.StatusCode.UNSET}


def test_a_trace_is_found_for_a_run_that_nobody_traced() -> None:
    with fl.open_ledger("memory:", executors()) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        run = ledger.runs.start("order")
        assert ledger.history.trace(run.id) == fl.TraceLink(
            run.id, None, digits(run.id, 32), digits(f"{run.id}/run", 16), None
        )
        assert "traceparent" not in next(iter(ledger.history.events(run.id))).data
        with pytest.raises(fl.RunNotFound):
            ledger.history.trace("nobody")
        with pytest.raises(fl.VersionNotFound):
            ledger.history.trace(run.id, 9)


def test_each_event_leads_to_its_span_whatever_operators_did_meanwhile(collector: Collector) -> None:
    registry = fl.ExecutorRegistry()

    @registry.register("work")
    def work(step: fl.StepContext) -> None:
        for note in range(step.node.data["notes"]):
            ledger.runs.set_metadata(step.run_id or "", {"note": note})
        if step.node.data["notes"] == 2:
            ledger.runs.hold(step.run_id or "")

    nodes = [{"id": f"n{notes}", "type": "work", "data": {"notes": notes}} for notes in (0, 1, 2, 0)]
    nodes = [{**node, "id": f"n{place}"} for place, node in enumerate(nodes)]
    edges = [{"source": f"n{place}", "target": f"n{place + 1}"} for place in range(3)]
    with fl.open_ledger("memory:", registry, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="order")
        run = ledger.runs.start("order")
        ledger.runs.release(run.id)
        ledger.runs.proceed(run.id)
        events = list(ledger.history.events(run.id))
        links = {event.version: ledger.history.trace(run.id, event.version).span_id for event in events}

    spans = {id_of(span): span.name for span in collector.spans()}
    named = {event.version: f"step {event.data['node_id']}" for event in events if event.type == "run.step_completed"}
    assert len(named) == 4
    assert {version: spans[links[version]] for version in named} == named
    assert spans[links[1]] == "run order"
    (claimed,) = (event.version for event in events if event.type in ("run.claimed", "run.recovered"))
    assert spans[links[claimed]] == "execute order"
    assert {context_of(span).trace_id for span in collector.spans()} == {int(digits(run.id, 32), 16)}
