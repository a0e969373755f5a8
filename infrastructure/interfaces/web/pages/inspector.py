"""A step of a workflow as the inspector shows it: configuration, code, retries, edges; and what a run did there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Final, NamedTuple

from markupsafe import Markup

from .....domain.errors import InvalidDefinition, InvalidRequest
from .....domain.visible import quoted
from .....domain.workflow import WorkflowSnapshot, edge_terms
from .....domain.workflow.definition import Edge, Node
from .....domain.workflow.events import JobCode
from .....domain.workflow.retry_policy import RetryPolicy, policy_of
from .....projections.run_view.json_tree import Member, json_tree
from .....projections.runs.attempts import Attempt
from ..rendering.code import json_lines, python_lines
from ..rendering.json_view import JsonView
from .run_on_canvas import RunOnCanvas


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """An edge of the step."""

    source: str
    target: str
    terms: str
    """When it is taken; empty: always."""
    label: str | None
    taken: int | None
    """How often the run took it; None: no run is shown."""


class RunValues(NamedTuple):
    """Where the page of the run tells who set a value."""

    url_of: Callable[[Attempt, str], str]
    """Of a value, by its pointer in the attempt's input, or in the state after it."""
    place_of: Callable[[Attempt], str]
    """The pointer of the attempt's result in the state after it."""


@dataclass(frozen=True, slots=True)
class StepOfRun:
    """What a run did at the step."""

    attempts: Sequence[Attempt]
    chosen: Attempt
    number: int
    """The place of the chosen one among them, from 1."""
    input: Member
    output: Member
    """Each value is a link to where the run's page tells who set it."""
    input_view: JsonView
    output_view: JsonView


@dataclass(frozen=True, slots=True)
class Inspector:
    """A step."""

    node: Node
    before: str | None
    after: str | None
    """The steps beside it, in the order of the definition."""
    data: Sequence[Markup]
    metadata: Sequence[Markup]
    job: Sequence[Markup]
    """The node's own code, where the job is text."""
    code: JobCode | None
    source: Sequence[Markup]
    """The executor's source, as it was registered at the save."""
    retry: str | None
    """The node's own retry policy, in words; None: the executor's."""
    edges: tuple[EdgeRow, ...]
    run: StepOfRun | None
    """None where no run is shown, or it never came here."""


def inspect(
    workflow: WorkflowSnapshot,
    node_id: str,
    run: RunOnCanvas | None,
    attempt: int | None,
    values: RunValues | None,
) -> Inspector:
    """The step, as it was. ``attempt`` counts what the run did there, from 1; None: the last.

    ``values`` are those of the run, where one is shown.

    Raises InvalidRequest where there is no such step, or no such attempt.
    """
    nodes = workflow.definition.nodes
    place = next((number for number, node in enumerate(nodes) if node.id == node_id), None)
    if place is None:
        where = f"version {workflow.version} of workflow {quoted(workflow.workflow_id)}"
        raise InvalidRequest(f"step {quoted(node_id)}: {where} has none of that id")
    node, code = nodes[place], workflow.code.get(nodes[place].type)
    edges = [
        _edge_row(edge, None if run is None else run.taken[number])
        for number, edge in enumerate(workflow.definition.edges)
        if node_id in (edge.source, edge.target)
    ]
    return Inspector(
        node=node,
        before=nodes[place - 1].id if place else None,
        after=nodes[place + 1].id if place + 1 < len(nodes) else None,
        data=json_lines(node.data),
        metadata=[] if node.metadata is None else json_lines(node.metadata),
        job=[] if node.code is None else python_lines(node.code),
        code=code,
        source=python_lines(dedent(code["source"])) if code is not None and "source" in code else [],
        retry=_retry_words(node),
        edges=tuple(edges),
        run=None if run is None or values is None else _step_of(run, node_id, attempt, values),
    )


def _edge_row(edge: Edge, taken: int | None) -> EdgeRow:
    return EdgeRow(edge.source, edge.target, edge_terms(edge.to_data()), edge.label, taken)


def _step_of(run: RunOnCanvas, node_id: str, attempt: int | None, values: RunValues) -> StepOfRun | None:
    made = run.attempts.get(node_id, ())
    if not made:
        return None
    number = len(made) if attempt is None else attempt
    if not 1 <= number <= len(made):
        raise InvalidRequest(f"attempt {number}: the run made {len(made)} at step {quoted(node_id)}")
    chosen = made[number - 1]
    place = "" if chosen.outcome == "paused" else values.place_of(chosen)
    return StepOfRun(
        made,
        chosen,
        number,
        json_tree(chosen.input, ("input",)),
        json_tree(chosen.output, ("output",)),
        JsonView(url_of=lambda pointer: values.url_of(chosen, pointer)),
        JsonView(url_of=lambda pointer: values.url_of(chosen, place + pointer) if place else None),
    )


def _retry_words(node: Node) -> str | None:
    try:
        policy = policy_of(node.to_data(), "node")
    except InvalidDefinition as error:  # saved by the rules of another time
        return str(error)
    return None if policy is None else policy_words(policy)


def policy_words(policy: RetryPolicy) -> str:
    """When a failed step is tried again, in a sentence."""
    if not policy.max_retries:
        return "Isn't tried again: when it fails, the step has failed."
    at, tries = 0.0, ["0 s"]
    for attempt in range(1, min(policy.max_retries, _TRIES) + 1):
        at += policy.delay(attempt)
        tries.append(f"{at:,.6g} s")
    more = ["…"] if policy.max_retries > _TRIES else []
    said = f"Tries at {', '.join([*tries, *more])}; then the step has failed."
    if policy.jitter:
        said += f" Chance moves each delay by up to {policy.jitter:.0%}."
    for words, kinds in (("Only for", policy.on), ("Never for", policy.never)):
        if kinds:
            said += f" {words} {', '.join(k if isinstance(k, str) else k.__name__ for k in kinds)}."
    return said


_TRIES: Final = 5
"""Retries whose times are said."""
