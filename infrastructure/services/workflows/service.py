"""``ledger.workflows``: save definitions, read them as they were, archive them."""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ....domain.errors import ConcurrencyError, InvalidRequest, WorkflowNotFound
from ....domain.execution.executors import ExecutorRegistry
from ....domain.execution.step_loop import check_actor
from ....domain.live import Unpicklable
from ....domain.ports import EventStore, NewEvent, RecordedEvent, Write
from ....domain.values.ids import workflow_stream
from ....domain.values.json import freeze
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ....domain.workflow import (
    JobCode,
    WorkflowSnapshot,
    WorkflowState,
    WorkflowVersion,
    archive,
    merge_over,
    refuse_archived,
    refuse_stale,
    restore,
    save,
    state_of,
)
from ....domain.workflow import evolve as evolve_workflow
from ....domain.workflow.definition import WorkflowDefinition
from ....projections.comparison.workflows import WorkflowDiff, diff_of
from ....projections.pagination import Page
from ....projections.runs.summary import WorkflowSummary
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...execution.source_code import job_code
from ...files import Format, write_definition
from ...files.paths import to_path
from ...queries.index.reader import Index
from ...queries.listing import workflows_page
from ...repositories.optimistic_retry import OptimisticRetry
from ...repositories.workflows import WorkflowRepository
from .validation import refuse_new_names, validate_definition

_Decision = Callable[[WorkflowState, Sequence[RecordedEvent]], Sequence[NewEvent | None]]
"""From the state, and the events that led to it, to the events to append; None is left out."""


class Workflows(Unpicklable):
    """``ledger.workflows``: definitions and their versions. A version may also be given as a save's snapshot id."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(
        self,
        store: EventStore,
        index: Index,
        workflows: WorkflowRepository,
        executors: ExecutorRegistry | None,
        now: Callable[[], int],
        threads: Threads,
    ) -> None:
        self._store = store
        self._index = index
        self._workflows = workflows
        self._executors = executors
        self._now = now
        self._threads = threads

    def save(
        self,
        definition: WorkflowDefinition | Mapping[str, Any],
        *,
        workflow_id: str,
        by: str = "unknown",
        message: str | None = None,
        expected_version: int | str | None = None,
        merge: bool = False,
        name: str | None = None,
    ) -> WorkflowSnapshot:
        """Save a definition together with the source of its executors, and return it as a WorkflowSnapshot.

        A save that changes neither definition nor code nor name appends nothing. ``message`` says what the change is
        for. ``name`` is what people call the workflow; None leaves the name as it is.

        ``expected_version`` is the version that the change is based on (0: the workflow doesn't exist yet); None
        doesn't check. If it is no longer the latest, StaleVersion is raised. With ``merge=True``, which needs it, the
        two changes are merged as far as they concern different nodes and edges; StaleVersion is then raised only for
        parts that both changed.

        Raises InvalidDefinition (with every fault), InvalidRequest, InvalidValue (control characters in a new id, name
        or actor), StaleVersion, IllegalTransition (the workflow is archived).
        """
        if not isinstance(workflow_id, str) or not workflow_id or "@" in workflow_id:
            raise InvalidRequest(f"workflow_id {quoted(workflow_id)}: an id is text, not empty, without '@'")
        _check_name(name)
        freeze(workflow_id, "workflow_id")
        freeze(message, "message")
        definition = validate_definition(definition, self._executors)
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")
        if merge and expected is None:
            raise InvalidRequest("merge=True needs expected_version: the version that the change was based on")

        def decide(state: WorkflowState, recent: Sequence[RecordedEvent]) -> list[NewEvent | None]:
            if not recent:
                check_name(workflow_id, "workflow_id")
            refuse_archived(state)
            new, note = definition, message
            if merge and expected is not None and not state.stands_at(expected):
                both = merge_over(state, recent, expected, definition.to_data(), self._now())
                new = validate_definition(both, self._executors)
                note = message if message is not None else f"merged over version {state.saved_version}"
            else:
                refuse_stale(state, recent, expected, self._now())
            refuse_new_names(new, state.saved)
            code, new_name = self._code(new, state.code), name if name is not None else state.name
            return [
                save(
                    state,
                    new,
                    code,
                    name=new_name,
                    by=by,
                    message=note,
                    is_taken=self._workflows.has_snapshot_id,
                    now=self._now(),
                )
            ]

        return self._commit(workflow_id, by, decide, since=expected, create=True)

    def rename(self, workflow_id: str, name: str | None, by: str = "unknown") -> WorkflowSnapshot:
        """Give a workflow another ``name``; None takes its name away. The id and the definition stay as they are.

        Raises WorkflowNotFound, InvalidValue, IllegalTransition (the workflow is archived).
        """
        _check_name(name)

        def decide(state: WorkflowState, _recent: Sequence[RecordedEvent]) -> list[NewEvent | None]:
            now = state.snapshot()
            kept, taken = (now.definition, now.code), self._workflows.has_snapshot_id
            return [save(state, *kept, name=name, by=by, message=None, is_taken=taken, now=self._now())]

        return self._commit(workflow_id, by, decide)

    def archive(self, workflow_id: str, by: str = "unknown", reason: str | None = None) -> WorkflowSnapshot:
        """Archive a workflow: it can still be read, but neither saved nor started until it is restored.

        Raises WorkflowNotFound, IllegalTransition (it is archived already).
        """
        freeze(reason, "reason")
        return self._commit(workflow_id, by, lambda state, _recent: [archive(state, by, reason, self._now())])

    def restore(
        self,
        workflow_id: str,
        by: str = "unknown",
        version: int | str | None = None,
        message: str | None = None,
        expected_version: int | str | None = None,
    ) -> WorkflowSnapshot:
        """Take a workflow out of the archive, or make the definition of ``version`` the latest again.

        The old version comes back as a new save, with ``message`` and ``expected_version`` as in ``save``. Restoring
        the latest version appends nothing.

        Raises WorkflowNotFound, VersionNotFound, StaleVersion, InvalidDefinition (the old version can't run any more),
        IllegalTransition (without ``version``, when the workflow isn't archived).
        """
        freeze(message, "message")
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")
        old = None if version is None else self.get(workflow_id, version)
        definition = None if old is None else validate_definition(old.definition, self._executors)

        def decide(state: WorkflowState, recent: Sequence[RecordedEvent]) -> list[NewEvent]:
            refuse_stale(state, recent, expected, self._now())
            newest = None
            if old is not None and definition is not None:
                newest = old.version, definition, self._code(definition, state.code, old.code)
            return restore(
                state, newest, by=by, message=message, is_taken=self._workflows.has_snapshot_id, now=self._now()
            )

        return self._commit(workflow_id, by, decide, since=expected)

    def get(self, workflow_id: str, version: int | str | None = None, at: datetime | None = None) -> WorkflowSnapshot:
        """Return the definition at a version, as of a moment, or the latest one.

        Raises WorkflowNotFound, VersionNotFound, NothingAsOf, InvalidRequest (both ``version`` and ``at``).
        """
        return self._workflows.get(workflow_id, version, at)

    def list(self, *, archived: bool = False, after: str | None = None, limit: int = 50) -> Page[WorkflowSummary]:
        """List workflows in order of their ids, a page at a time. ``archived=True`` includes archived ones.

        Raises InvalidRequest.
        """
        return workflows_page(self._index, archived, after, limit)

    def versions(self, workflow_id: str) -> Sequence[WorkflowVersion]:
        """Return every version, oldest first: who saved, archived or restored it, when, and what each save changed.

        Raises WorkflowNotFound.
        """
        return self._workflows.versions(workflow_id)

    def diff(self, workflow_id: str, a: int | str | WorkflowSnapshot, b: int | str | WorkflowSnapshot) -> WorkflowDiff:
        """Compare two versions by node id and edge id: what was added, removed and changed from ``a`` to ``b``.

        ``a`` and ``b`` are version numbers, snapshot ids or WorkflowSnapshots.

        Raises WorkflowNotFound, VersionNotFound, InvalidRequest.
        """
        before, after = (side if isinstance(side, WorkflowSnapshot) else self.get(workflow_id, side) for side in (a, b))
        return diff_of(before, after)

    def export(
        self,
        workflow_id: str,
        path: str | Path,
        version: int | str | None = None,
        *,
        format: Format | None = None,
        with_executors: bool = False,
        force: bool = False,
    ) -> WorkflowSnapshot:
        """Write a definition to a ``.json`` or ``.yaml`` file, or to a folder with the code of its nodes in files.

        ``read_definition`` reads it back, byte for byte. ``format`` is that of a folder's definition file: by default
        the one that is there already, else JSON. ``with_executors=True`` also writes the source of the executors, for
        reading only. ``force=True`` overwrites a folder that holds something else.

        Raises WorkflowNotFound, VersionNotFound, InvalidRequest (the folder holds something else, and ``force`` isn't
        given), StorageUnavailable (it can't be written; nothing was changed).
        """
        found = self.get(workflow_id, version)
        write_definition(found, to_path(path), format=format, with_executors=with_executors, force=force)
        return found

    def _commit(
        self, workflow_id: str, by: str, decide: _Decision, *, since: int | None = None, create: bool = False
    ) -> WorkflowSnapshot:
        """Append what ``decide`` returns; it decides again for as long as other writers append first."""
        check_actor(by)
        attempts = OptimisticRetry()
        while True:
            recent = self._workflows.events_since_save(workflow_id, since)
            if not recent and not create:
                raise WorkflowNotFound(workflow_id)
            state = state_of(workflow_id, recent)
            events = [event for event in decide(state, recent) if event is not None]
            if events:
                try:
                    self._store.append(Write(workflow_stream(workflow_id), state.version, events))
                except ConcurrencyError as error:
                    attempts.check_progress(state.version, error)
                    continue
            for event in events:
                evolve_workflow(state, state.version + 1, event.type, event.data)
            return state.snapshot()

    def _code(self, definition: WorkflowDefinition, *saved: Mapping[str, JobCode]) -> dict[str, JobCode]:
        """The code of the definition's node types; without executors, the code of the given saves, best first."""
        if self._executors is not None:
            return job_code(definition, self._executors)
        known = ChainMap(*map(dict, saved))
        return {type: known[type] for type in sorted({node.type for node in definition.nodes}) if type in known}

    asave = run_in_thread(save)
    arename = run_in_thread(rename)
    aarchive = run_in_thread(archive)
    arestore = run_in_thread(restore)
    aget = run_in_thread(get)
    alist = run_in_thread(list)
    aversions = run_in_thread(versions)
    adiff = run_in_thread(diff)
    aexport = run_in_thread(export)


def _check_name(name: object) -> None:
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise InvalidRequest(f"name {quoted(name)}: a workflow's name is text that is not empty")
    if name is not None:
        check_name(name, "name")
