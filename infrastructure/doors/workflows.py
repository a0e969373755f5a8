"""The door to workflows: save definitions, and get them back as they were."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ...domain.cycle import check_actor
from ...domain.definition import WorkflowDefinition, start_faults
from ...domain.errors import (
    ConcurrencyError,
    InvalidDefinition,
    InvalidRequest,
    StorageCorrupt,
    WorkflowNotFound,
)
from ...domain.executors import ExecutorRegistry
from ...domain.ids import workflow_stream
from ...domain.jsonvalue import freeze
from ...domain.moments import moment_asked
from ...domain.plan import Plan, make_plan, unknown_types
from ...domain.ports import EventStore, RecordedEvent, Write
from ...domain.workflow import SAVES, JobCode, WorkflowSnapshot, save, snapshot_of
from ..toolbox import TOOLBOX
from .as_of import version_at
from .jobcode import job_code
from .twins import in_thread


class Workflows:
    """``ledger.workflows``."""

    def __init__(self, store: EventStore, executors: ExecutorRegistry | None, now: Callable[[], int]) -> None:
        self._store = store
        self._executors = executors
        self._now = now
        self._plans: dict[tuple[str, int], Plan] = {}

    def save(
        self,
        definition: WorkflowDefinition | Mapping[str, Any],
        *,
        workflow_id: str,
        by: str = "unknown",
        message: str | None = None,
        expected_version: int | None = None,
    ) -> WorkflowSnapshot:
        """Save a definition, with the code of its executors. A save that changes nothing appends nothing.

        ``expected_version`` is the version that the change was based on (0: there is none yet). Raises StaleVersion
        when it isn't the latest, InvalidDefinition with every fault.
        """
        if not isinstance(workflow_id, str) or not workflow_id or "@" in workflow_id:
            raise InvalidRequest(f"workflow_id {workflow_id!r}: an id is text, not empty, without '@'")
        check_actor(by)
        freeze([workflow_id, message], "save")
        definition = self._validated(definition)
        stream = workflow_stream(workflow_id)
        while True:
            head, latest = self._last_save(stream)
            event = save(
                None if latest is None else (latest.version, latest.data), head, definition,
                self._code(definition, latest),
                workflow_id=workflow_id, by=by, message=message, expected_version=expected_version, now=self._now(),
            )  # fmt: skip
            if event is None:
                assert latest is not None  # noqa: S101 - only an earlier save can be equal
                return snapshot_of(latest.version, latest.data, is_latest=True)
            try:
                self._store.append(Write(stream, head, [event]))
            except ConcurrencyError:
                continue  # somebody saved in between: look again whether our change is still based on the latest
            return snapshot_of(head + 1, event.data, is_latest=True)

    def get(self, workflow_id: str, version: int | None = None, at: datetime | None = None) -> WorkflowSnapshot:
        """The definition as it was at a version, as of a moment, or now.

        Raises WorkflowNotFound, VersionNotFound, NothingAsOf.
        """
        moment = moment_asked(version, at)
        stream = workflow_stream(workflow_id)
        head = self._store.head(stream)
        if head == 0:
            raise WorkflowNotFound(workflow_id)
        version = version_at(self._store, stream, moment, head, f"workflow {workflow_id!r}")
        found = self._saved_at(stream, version)
        latest = found if version == head else self._saved_at(stream, head)
        return snapshot_of(found.version, found.data, is_latest=latest.version == found.version)

    def latest(self, workflow_id: str) -> RecordedEvent:
        """The event of the last save. Raises WorkflowNotFound."""
        _, saved = self._last_save(workflow_stream(workflow_id))
        if saved is None:
            raise WorkflowNotFound(workflow_id)
        return saved

    def plan(self, workflow_id: str, version: int) -> Plan:
        """The saved version joined with this ledger's executors. Raises InvalidDefinition where one is missing."""
        key = (workflow_id, version)
        plan = self._plans.get(key)
        if plan is None:
            if self._executors is None:
                raise InvalidRequest(
                    "this ledger was opened without executors, so it can read and save but not run workflows"
                )
            plan = make_plan(self.get(workflow_id, version).definition, self._executors, TOOLBOX)
            while len(self._plans) >= _PLANS_KEPT:
                self._plans.pop(next(iter(self._plans), key), None)
            self._plans[key] = plan
        return plan

    def _code(self, definition: WorkflowDefinition, latest: RecordedEvent | None) -> dict[str, JobCode]:
        """The code behind the definition; where this ledger has no executors, what the last save says of it."""
        if self._executors is not None:
            return job_code(definition, self._executors)
        types = {node.type for node in definition.nodes}
        return {type: code for type, code in latest.data["code"].items() if type in types} if latest is not None else {}

    def _validated(self, definition: WorkflowDefinition | Mapping[str, Any]) -> WorkflowDefinition:
        """The definition, fit to be run. Raises InvalidDefinition with the faults of graph, start and types at once."""
        try:
            definition = WorkflowDefinition.model_validate(definition)
        except InvalidDefinition as error:
            nodes = definition.get("nodes") if isinstance(definition, Mapping) else None
            unknown = unknown_types(nodes, self._executors) if self._executors is not None else []
            raise InvalidDefinition([*error.faults, *start_faults(definition), *unknown]) from None
        faults = start_faults(definition)
        if self._executors is not None:
            try:
                _warn_of_expressions(make_plan(definition, self._executors, TOOLBOX))
            except InvalidDefinition as error:
                faults += error.faults
        if faults:
            raise InvalidDefinition(faults)
        return definition

    def _last_save(self, stream: str) -> tuple[int, RecordedEvent | None]:
        """The head of the stream and its last save, as they were at one moment."""
        head = 0
        for event in self._store.read(stream, backwards=True):
            head = head or event.version
            if event.type in SAVES:
                return head, event
        return head, None

    def _saved_at(self, stream: str, version: int) -> RecordedEvent:
        """The save that a version shows: the first event of a workflow is one. Raises StorageCorrupt for a gap."""
        expected = version
        for event in self._store.read(stream, upto=version, backwards=True):
            if event.version != expected:
                break
            if event.type in SAVES:
                return event
            expected -= 1
        raise StorageCorrupt(
            f"event {expected} of stream {stream!r} is missing in the store: verify tells what else is"
        )

    asave = in_thread(save)
    aget = in_thread(get)


_PLANS_KEPT = 1000
_log = logging.getLogger("flowledger.workflows")


def _warn_of_expressions(plan: Plan) -> None:
    """A faulty expression fails the step that needs it, not the save; who saves should know all the same."""
    for node_id, planned in plan.nodes.items():
        for fault in planned.template.faults:
            _log.warning("node %r will fail when it runs: %s", node_id, fault)
