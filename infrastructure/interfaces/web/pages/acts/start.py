"""Start a run: with a payload from a form that is made from what the first node takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import Fault, InputInvalid, InvalidRequest, VersionNotFound
from ......domain.execution.payload_schema import PayloadSchema, payload_schema
from ......domain.visible import quoted
from ......domain.workflow import WorkflowSnapshot
from ......domain.workflow.definition import Node
from .....execution.expressions.input_schema import SchemaInput
from .....ledger.ledger import executors_of, has_key_ring
from ....presentation.inputs import read_version
from ...old_snapshots import CANNOT_RUN, check_version_to_start, was_started
from ...rendering.versions import ShownVersion
from ...rendering.words import short_id
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names, one_of, text, whole
from ..schema_form import Field, elsewhere, fields_of, filled, read_value, with_value
from .ahead import NodeAhead, nodes_ahead
from .execution import Execution, execution_of
from .form import KEY, SEEN, ActForm, act_form, attempt
from .json_field import read_object
from .queueing import queueing_of
from .refused import RefusedAct
from .run_words import how_it_went

if TYPE_CHECKING:
    from ...requests import Call

PAYLOAD: Final = Field((), "json", "Payload", False, "any JSON; nothing where it is empty", root="payload")
"""The field of a payload of which nothing is known."""


@dataclass(frozen=True, slots=True)
class StartPage:
    """A version of a workflow, and the form with which a run of it is started."""

    workflow: WorkflowSnapshot
    shown: ShownVersion
    asked: str | None
    """The version that the address names; None: the live one."""
    start: str | None
    """Its first node."""
    fields: tuple[Field, ...]
    has_fields: bool
    """Whether more is known of payloads than that they are JSON."""
    as_json: bool
    """Whether the payload is one box of JSON all the same."""
    like: str | None
    """The run whose payload is filled in."""
    last: str | None
    """The last run of the workflow, to fill in what that was started with."""
    faults: tuple[Fault, ...]
    """What is wrong and stands beside no field."""
    impossible: str | None
    ahead: tuple[NodeAhead, ...]
    has_key_ring: bool
    """Whether runs can be started for subjects."""
    execution: Execution
    form: ActForm
    copy_as: CopyAs
    back: str

    @property
    def query(self) -> Mapping[str, Any]:
        """The query of the address at which this is done."""
        return {"version": self.asked, "as": "json" if self.as_json and self.has_fields else None}


def load(call: Call, refused: RefusedAct | None = None, faults: Sequence[Fault] = ()) -> StartPage:
    """The form. Raises WorkflowNotFound, VersionNotFound, RunNotFound, InvalidRequest."""
    check_names(call.query, ("version", "like", "as"))
    workflow, asked = _workflow(call), text(call.query, "version")
    known = _payload_schema(call, workflow)
    as_json = _is_json(call)
    fields = _fields(known, as_json=as_json)
    like = text(call.query, "like")
    if like is not None:
        fields = with_value(fields, _payload_of(call, workflow, like))
    elif known is None and (outline := _outline(workflow)) is not None:
        fields = with_value(fields, outline)
    if call.form:
        fields = filled(fields, call.form, faults)
    last = next(iter(call.ledger.history.runs(workflow.workflow_id, limit=1)), None)
    start = workflow.definition.start
    named = workflow.workflow_id if asked is None else f"{workflow.workflow_id}@{workflow.version}"
    given: dict[str, Any] = {"payload": {}, "by": call.by, "version": None if asked is None else workflow.version}
    return StartPage(
        workflow,
        ShownVersion(
            workflow.workflow_id, workflow.version, workflow.snapshot_id, workflow.taken_at, workflow.is_latest
        ),
        asked,
        start,
        fields,
        known is not None,
        as_json,
        like,
        None if last is None else last.id,
        elsewhere(fields, faults),
        _why_not(call, workflow),
        nodes_ahead(call.ledger, workflow.definition, start),
        has_key_ring(call.ledger),
        execution_of(call),
        act_form(call, workflow.version, refused),
        CopyAs(
            call.links.data("start", id=workflow.workflow_id, version=asked),
            command_line(["run", "start", named], {"payload": "JSON"}),
            python_call("runs.start", given, workflow.workflow_id),
        ),
        call.links("workflow", id=workflow.workflow_id),
    )


def _is_json(call: Call) -> bool:
    return one_of(call.query, "as", ("json", "fields"), "fields") == "json"


def _fields(known: PayloadSchema | None, *, as_json: bool) -> tuple[Field, ...]:
    return fields_of(None if known is None or as_json else known.schema, PAYLOAD)


def _workflow(call: Call) -> WorkflowSnapshot:
    """The version that the address names, or the live one; where none is live, the latest."""
    workflow_id, asked = call.part("id"), text(call.query, "version")
    if asked is not None:
        return call.ledger.workflows.get(workflow_id, read_version(asked))
    try:
        return call.ledger.workflows.get(workflow_id, "live")
    except VersionNotFound:
        return call.ledger.workflows.get(workflow_id)


def _why_not(call: Call, workflow: WorkflowSnapshot) -> str | None:
    if call.ledger.workflows.get(workflow.workflow_id).archived:
        return "The workflow is archived: restore it first."
    if not workflow.is_live and not workflow.is_latest:
        return CANNOT_RUN
    if workflow.definition.start is None:
        return "It isn’t clear at which node a run would begin: name the start in the definition."
    return None


def _payload_schema(call: Call, workflow: WorkflowSnapshot) -> PayloadSchema | None:
    """What its first node takes from the payload; None where this process doesn't know, or the node takes anything."""
    first, executors = _first(workflow), executors_of(call.ledger)
    executor = None if first is None or executors is None else executors.get(first.type)
    if first is None or executor is None or executor.input is None:
        return None
    return payload_schema(executor.input, first.data)


def _first(workflow: WorkflowSnapshot) -> Node | None:
    """Its first node, where its data has expressions."""
    nodes, start = workflow.definition.nodes, workflow.definition.start
    return next((node for node in nodes if node.id == start and node.expressions), None)


def _outline(workflow: WorkflowSnapshot) -> Any:
    """The members that the first node reads of a payload, to be filled in; None where it reads none by name."""
    first = _first(workflow)
    found = None if first is None else payload_schema(None, first.data)
    return None if found is None else _members(found.schema)


def _members(rule: Mapping[str, Any]) -> Any:
    return {name: _members(inner) for name, inner in rule["properties"].items()} if "properties" in rule else None


def _payload_of(call: Call, workflow: WorkflowSnapshot, run_id: str) -> Any:
    run = call.ledger.runs.get(run_id)
    if run.workflow_id != workflow.workflow_id:
        raise InvalidRequest(f"run {quoted(run_id)} is of workflow {quoted(run.workflow_id)}")
    return call.ledger.runs.work_order(run.work_order_id).input


def act(call: Call) -> Redirect | Refused:
    """Start it. Raises WorkflowNotFound, VersionNotFound, InvalidRequest, StorageError."""
    now, as_json = _workflow(call), _is_json(call)
    workflow_id, key = now.workflow_id, call.form.get(KEY) or None
    seen = whole(call.form, SEEN, 0) or now.version
    known = None if as_json else _payload_schema(call, call.ledger.workflows.get(workflow_id, seen))
    sent = read_value(_fields(known, as_json=as_json), call.form)  # the form is that of the version that was seen
    if seen != now.version and not was_started(call.ledger, workflow_id, key):
        return Refused(load(call, _moved_on(call, now, seen)), 412)
    faults = (*sent.faults, *(() if sent.faults or known is None else _faults(known, sent.value)))
    if faults:
        return Refused(load(call, None, faults), 422)

    def do() -> Redirect:
        check_version_to_start(call.ledger, workflow_id, seen, key)
        execution = execution_of(call)
        run = call.ledger.runs.start(
            workflow_id,
            payload=sent.value,
            by=call.by,
            metadata=read_object(call.form, "metadata"),
            wait=execution.waits,
            idempotency_key=key,
            version=seen,
            subject=call.form.get("subject", "").strip() or None,
            **queueing_of(call, execution),
        )
        said = f"Run {short_id(run.id)} was started on version {run.workflow_version}; {how_it_went(run)}."
        return Redirect(call.links("run", run=run.id), said)

    def refuse(call: Call, why: RefusedAct) -> StartPage:
        places = _payload_schema(call, now)
        beside = [
            Fault(fault.path if places is None else places.in_payload(fault.path), fault.message)
            for fault in why.faults
        ]
        return load(call, why if why.kept is None else replace(why, faults=()), beside)

    return attempt(call, do, refuse, of="The workflow")


def _faults(known: PayloadSchema, value: Any) -> Sequence[Fault]:
    """What is wrong with a payload, before it is on record as refused."""
    try:
        SchemaInput(known.schema, fills=False).validate(value, "payload")
    except InputInvalid as error:
        return error.issues
    except InvalidRequest:  # a schema that only its own model can check
        return ()
    return ()


def _moved_on(call: Call, now: WorkflowSnapshot, seen: int) -> RefusedAct:
    """What was saved or released since the form was made, as another version would run now."""
    later = [each for each in call.ledger.workflows.versions(now.workflow_id) if each.version > seen]
    return RefusedAct(f"You looked at version {seen}; version {now.version} would run now.", saves=later)


def to_document(page: StartPage) -> dict[str, Any]:
    """Which version would run from where, and what is known of payloads."""
    return {
        "workflowId": page.workflow.workflow_id,
        "version": page.workflow.version,
        "startNodeId": page.start,
        "impossible": page.impossible,
        "fields": [{"path": field.prop, "kind": field.kind, "needed": field.is_needed} for field in page.fields],
    }


PAGES: Final = (Page("/workflows/{id}/start", "start", "viewer", load, "acts/start.html", to_document, act),)
