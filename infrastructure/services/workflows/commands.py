"""What the commands on workflows share: they decide by the last save, and again for as long as others append first."""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ....domain.errors import ConcurrencyError, InvalidRequest, VersionNotFound, WorkflowNotFound
from ....domain.execution.executors import ExecutorRegistry
from ....domain.execution.step_loop import check_actor
from ....domain.ports import EventStore, NewEvent, RecordedEvent, Write
from ....domain.values.idempotency import check_key, command_digest
from ....domain.values.ids import workflow_stream
from ....domain.values.json import freeze
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ....domain.workflow import (
    JobCode,
    WorkflowState,
    change_nothing,
    evolve,
    refuse_other_request,
    refuse_stale,
    state_of,
    with_key,
)
from ....domain.workflow.definition import WorkflowDefinition
from ...execution.source_code import job_code
from ...files.base import read_base
from ...repositories.missing import missing_workflow
from ...repositories.optimistic_retry import OptimisticRetry
from ...repositories.workflows import WorkflowRepository

Decision = Callable[[WorkflowState, Sequence[RecordedEvent]], Sequence[NewEvent | None]]
"""From the state, and the events that led to it, to the events to append; None is left out."""


class Key(NamedTuple):
    """An idempotency key, and the digest of the command that it stands for."""

    text: str
    request: str


def key_of(text: str | None, command: str, **arguments: Any) -> Key | None:
    """The key of a command with these arguments, where the caller gave one. Raises InvalidRequest, InvalidValue."""
    if text is None:
        return None
    check_key(text)
    check_name(text, "idempotency_key")
    asked = {name: freeze(value, name) for name, value in arguments.items()}
    return Key(text, command_digest(command, **asked))


class WorkflowCommands:
    """Commits what commands on workflows decide."""

    def __init__(
        self,
        store: EventStore,
        workflows: WorkflowRepository,
        executors: ExecutorRegistry | None,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._executors = executors
        self.now = now

    def commit(
        self,
        workflow_id: str,
        by: str,
        decide: Decision,
        *,
        key: Key | None = None,
        since: int | None = None,
        create: bool = False,
    ) -> WorkflowState:
        """Append what ``decide`` returns, and return the state behind it; nothing where the key was used before.

        Raises WorkflowNotFound, unless it may ``create``, and IdempotencyConflict.
        """
        check_actor(by)
        attempts = OptimisticRetry()
        while True:
            recent = self._workflows.events_since_save(workflow_id, since)
            if not recent and not create:
                raise missing_workflow(self._store, workflow_id)
            state = state_of(workflow_id, recent)
            if key is not None and self._is_repeated(state, key):
                return state
            events = [event for event in decide(state, recent) if event is not None]
            if key is not None:
                first, *others = events or [change_nothing(state, by, self.now())]
                events = [with_key(first, *key), *others]
            if events:
                try:
                    self._store.append(Write(workflow_stream(workflow_id), state.version, events))
                except ConcurrencyError as error:
                    attempts.check_progress(state.version, error)
                    continue
            for event in events:
                evolve(state, state.version + 1, event.type, event.data)
            return state

    def command(
        self,
        workflow_id: str,
        name: str,
        by: str,
        decide: Callable[[WorkflowState], Sequence[NewEvent | None]],
        *,
        expected: int | None,
        key: Key | None,
    ) -> WorkflowState:
        """Commit a command that isn't a save. Raises StaleVersion where others saved since the expected version."""

        def decide_fresh(state: WorkflowState, recent: Sequence[RecordedEvent]) -> Sequence[NewEvent | None]:
            refuse_stale(state, recent, expected, self.now(), command=name)
            return decide(state)

        return self.commit(workflow_id, by, decide_fresh, key=key, since=expected)

    def code(self, definition: WorkflowDefinition, *saved: Mapping[str, JobCode]) -> dict[str, JobCode]:
        """The code of the definition's node types; without executors, the code of the given saves, best first."""
        if self._executors is not None:
            return job_code(definition, self._executors)
        known = ChainMap(*map(dict, saved))
        return {type: known[type] for type in sorted({node.type for node in definition.nodes}) if type in known}

    def base_of(self, path: Path, workflow_id: str) -> int | None:
        """The version that the definition in a folder is based on; None where the folder remembers none of this store.

        Raises InvalidRequest where what it remembers can't be read.
        """
        base = read_base(path)
        if base is None or base.workflow_id != workflow_id:
            return None
        try:
            return self._workflows.version_of_snapshot(workflow_id, base.snapshot_id)
        except (VersionNotFound, WorkflowNotFound):
            return None

    def _is_repeated(self, state: WorkflowState, key: Key) -> bool:
        earlier = self._workflows.find_key(state.workflow_id, key.text, state.version)
        if earlier is not None:
            refuse_other_request(earlier, key.request)
        return earlier is not None


def check_workflow_name(name: object) -> None:
    """Raises InvalidRequest, InvalidValue for what can't be a name for people; None is no name at all."""
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise InvalidRequest(f"name {quoted(name)}: a workflow's name is text that is not empty")
    if name is not None:
        check_name(name, "name")
