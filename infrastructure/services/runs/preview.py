"""What a retry would run and reuse, compared with what ran then."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ....domain.execution.step import Refusal
from ....domain.ports import RecordedEvent
from ....domain.rerun.effects import RepeatedEffect
from ....domain.rerun.retry import EarlierAnswer, RetryPreview, ReusedNode
from ....domain.run import Origin
from ....domain.run.waits import answer_of
from ....domain.values.clock import moment
from ....domain.values.json import freeze
from ....domain.values.json_compare import same_json
from ....domain.workflow import Changes, PartChanges, changes_between, keyed_nodes
from ....domain.workflow.definition import WorkflowDefinition
from ....domain.workflow.same_code import sources_by_digest
from ....projections.runs.reused_results import ReusedResult, reused_results
from ...execution.source_code import KnownCode
from ...repositories.origins import past_events
from ...repositories.work_orders import load_started, work_order_input
from .effects import repeated_by
from .rerun import Rerun
from .run_services import RunServices


def preview_rerun(services: RunServices, rerun: Rerun, refused: Refusal | None) -> RetryPreview:
    """Compare, and change nothing. ``refused`` says why nothing would run."""
    work_order, runnable, source = rerun.work_order, rerun.runnable, rerun.source_id
    now = runnable.plan.definition
    then = None if source is None else _what_ran(services, source, now)
    changes = Changes() if then is None else changes_between(_body(then.definition), _body(now))
    return RetryPreview(
        work_order_id=work_order.id,
        run_id=source,
        workflow_id=runnable.workflow_id,
        version=runnable.version,
        ran_version=None if then is None else then.version,
        start_node_id=cast("str", rerun.start_node_id),  # only a fork may have none
        input=work_order_input(services.store, work_order),
        payload=rerun.payload,
        reused=tuple(_reused_nodes(services, rerun)),
        added=changes.nodes.added,
        removed=changes.nodes.removed,
        changed=changes.nodes.changed,
        edges_changed=changes.edges != PartChanges(),
        start_changed=then is not None and then.definition.start != now.start,
        code_changed=() if then is None else tuple(node for node in then.nodes if then.is_recoded(node)),
        refused=None if refused is None else refused.reason,
        answers=tuple(_answers(services, rerun)),
        effects=find_repeated(services, rerun),
    )


def find_repeated(services: RunServices, rerun: Rerun) -> tuple[RepeatedEffect, ...]:
    """What the runs of its work order have done to the world, and the new run would do again."""
    return repeated_by(services.store, services.runs, rerun.work_order, _types_ahead(rerun), rerun.past)


def _types_ahead(rerun: Rerun) -> dict[str, str]:
    """The nodes that the new run may come to and that act on the world, as far as this process has their executors:
    id → type, in the order of the definition."""
    plan = rerun.runnable.plan
    ahead = set() if rerun.start_node_id is None else {*plan.reachable(rerun.start_node_id)}
    planned = (plan.nodes[node.id] for node in plan.definition.nodes if node.id in ahead and node.id in plan.nodes)
    return {each.node.id: each.node.type for each in planned if each.executor.effects}


def _answers(services: RunServices, rerun: Rerun) -> Iterator[EarlierAnswer]:
    """What the node at which it begins was answered then. Where one is taken over, it is the last."""
    for past in rerun.answers:
        state = services.runs.load(past.run_id, past.version)
        if state.answer is not None:
            answer = answer_of(state.answer, freeze(state.payload, "payload"))
            yield EarlierAnswer(
                node_id=cast("str", rerun.start_node_id),
                wait=answer.wait,
                reason=past.reason,
                payload=answer.payload,
                by=answer.by,
                at=answer.at,
                timed_out=answer.timed_out,
                reused=rerun.given_answer is not None and past is rerun.answers[-1],
            )


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran, beside what would run now."""

    version: int
    definition: WorkflowDefinition
    nodes: Mapping[str, Mapping[str, Any]]
    """As JSON, by id."""
    nodes_now: Mapping[str, Mapping[str, Any]]
    drifted: Collection[str]
    """Node types whose code has changed since."""

    def is_redefined(self, node_id: str) -> bool:
        return not same_json(self.nodes.get(node_id), self.nodes_now.get(node_id))

    def is_recoded(self, node_id: str) -> bool:
        old, new = self.nodes.get(node_id), self.nodes_now.get(node_id)
        return old is not None and new is not None and (old["type"] != new["type"] or new["type"] in self.drifted)


def _what_ran(services: RunServices, run_id: str, now: WorkflowDefinition) -> Ran:
    run = services.runs.load(run_id)
    return compare_with_now(services, run_id, KnownCode(run.code, run.distributions), now)


def compare_with_now(services: RunServices, run_id: str, code: KnownCode, now: WorkflowDefinition) -> Ran:
    """What the run ran with this code, beside a definition and the code of now."""
    first = load_started(services.store, run_id)
    then = services.workflows.get(first["workflow_id"], first["workflow_version"])
    sources = sources_by_digest(then.code, [first])
    if not sources.keys() >= {*code.digests.values()}:  # it has changed when the run was resumed
        sources = sources_by_digest(then.code, (event.data for event in services.store.read(run_id)))
    drifted = services.changed_types(now, code, sources)
    nodes, nodes_now = keyed_nodes(then.definition.to_data()), keyed_nodes(now.to_data())
    return Ran(then.version, then.definition, nodes, nodes_now, drifted)


def _body(definition: WorkflowDefinition) -> Mapping[str, Any]:
    """The body of a save without code."""
    return {"definition": definition.to_data(), "code": {}}


def _reused_nodes(services: RunServices, rerun: Rerun) -> Iterator[ReusedNode]:
    """By node, in the order in which they first ran."""
    if rerun.origin is None:
        return
    past = list(_past(services, rerun.work_order.id, rerun.origin, rerun.runnable.plan.definition))
    ran_by_event = {(event.stream, event.version): then for event, then in past}
    results: dict[str, list[ReusedResult]] = {}
    ran: dict[str, Ran] = {}
    for result in reused_results([event for event, _ in past], rerun.edited):
        results.setdefault(result.node_id, []).append(result)
        ran[result.node_id] = ran_by_event[result.run_id, result.version]
    asked_at = moment(services.now())
    for node_id, all_of_it in results.items():
        last = all_of_it[-1]
        yield ReusedNode(
            node_id=node_id,
            run_id=last.run_id,
            version=last.version,
            recorded_at=last.recorded_at,
            age=asked_at - last.recorded_at,
            results=len(all_of_it),
            definition_changed=ran[node_id].is_redefined(node_id),
            code_changed=ran[node_id].is_recoded(node_id),
        )


def _past(
    services: RunServices, work_order_id: str, origin: Origin, now: WorkflowDefinition
) -> Iterator[tuple[RecordedEvent, Ran]]:
    """The events whose results are reused, each with what ran then: the code may have changed at a resume."""
    ran: dict[str, Ran] = {}
    for event in past_events(services.store, work_order_id, origin):
        if event.stream not in ran or "code" in event.data:
            code = KnownCode(event.data.get("code", {}), event.data.get("distributions", {}))
            ran[event.stream] = compare_with_now(services, event.stream, code, now)
        yield event, ran[event.stream]
