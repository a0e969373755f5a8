"""What a retry would run and reuse, compared with what ran then."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...domain.clock import moment
from ...domain.definition import Node, WorkflowDefinition
from ...domain.retry import Differences, RetryPreview, ReusedNode, differences
from ...projections.lineage import ReusedResult, reused
from .jobcode import KnownCode
from .lineage import past_events
from .orders import order_input, started
from .repetition import Repetition
from .workbench import Workbench


def preview(bench: Workbench, repetition: Repetition) -> RetryPreview:
    """Compare, and change nothing."""
    order, runnable, source = repetition.order, repetition.runnable, repetition.source_id
    now = _Code(
        runnable.version, runnable.plan.definition, bench.code_now(runnable.plan.definition, KnownCode())["code"]
    )
    then = None if source is None else _that_ran(bench, source)
    changes = Differences((), (), (), edges_changed=False)
    recoded: tuple[str, ...] = ()
    if then is not None:
        changes = differences(then.definition, now.definition)
        recoded = tuple(node.id for node in now.definition.nodes if _recoded(then, now, node.id))
    return RetryPreview(
        work_order_id=order.id,
        run_id=source,
        workflow_id=runnable.workflow_id,
        version=runnable.version,
        ran_version=None if then is None else then.version,
        start_node_id=repetition.start_node_id,
        input=order_input(bench.store, order),
        payload=repetition.payload,
        reused=tuple(_reused_nodes(bench, repetition, now)),
        added=changes.added,
        removed=changes.removed,
        changed=changes.changed,
        edges_changed=changes.edges_changed,
        code_changed=recoded,
    )


class _Code(NamedTuple):
    """A version of a workflow, and the digests of the code that ran or would run, by node type."""

    version: int
    definition: WorkflowDefinition
    digests: Mapping[str, str]

    def node(self, node_id: str) -> Node | None:
        return next((node for node in self.definition.nodes if node.id == node_id), None)


def _that_ran(bench: Workbench, run_id: str) -> _Code:
    first = started(bench.store, run_id)
    version = first["workflow_version"]
    return _Code(version, bench.workflows.get(first["workflow_id"], version).definition, first.get("code", {}))


def _recoded(then: _Code, now: _Code, node_id: str) -> bool:
    old, new = then.node(node_id), now.node(node_id)
    return old is not None and new is not None and then.digests.get(old.type) != now.digests.get(new.type)


def _reused_nodes(bench: Workbench, repetition: Repetition, now: _Code) -> Iterator[ReusedNode]:
    """By node, in the order in which they first ran."""
    if repetition.origin is None:
        return
    by_node: dict[str, list[ReusedResult]] = {}
    for result in reused(past_events(bench.store, repetition.order.id, repetition.origin)):
        by_node.setdefault(result.node_id, []).append(result)
    asked_at = moment(bench.now())
    ran: dict[str, _Code] = {}
    for node_id, results in by_node.items():
        last = results[-1]
        then = ran.get(last.run_id) or ran.setdefault(last.run_id, _that_ran(bench, last.run_id))
        yield ReusedNode(
            node_id=node_id,
            run_id=last.run_id,
            version=last.version,
            recorded_at=last.recorded_at,
            age=asked_at - last.recorded_at,
            results=len(results),
            definition_changed=then.node(node_id) != now.node(node_id),
            code_changed=_recoded(then, now, node_id),
        )
