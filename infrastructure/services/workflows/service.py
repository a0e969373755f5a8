"""The door to workflows: save definitions, get them back as they were, put them away."""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ....domain.errors import ConcurrencyError, InvalidRequest, WorkflowNotFound
from ....domain.execution.cycle import check_actor
from ....domain.execution.executors import ExecutorRegistry
from ....domain.live import Live
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
    merged_over,
    refuse_archived,
    refuse_stale,
    restore,
    save,
    state_of,
)
from ....domain.workflow.definition import WorkflowDefinition
from ....projections.comparison.workflows import WorkflowDiff, diff_of
from ....projections.pagination import Page
from ....projections.runs.summary import WorkflowSummary
from ...concurrency.aio import in_thread
from ...concurrency.threads import Threads
from ...execution.source_code import job_code
from ...files import Format, write_definition
from ...files.places import path_of
from ...queries.index.reader import Index
from ...queries.listing import workflows_page
from ...repositories.contest import Contest
from ...repositories.workflows import WorkflowLog
from .validation import checked, refuse_new_names

_Decision = Callable[[WorkflowState, Sequence[RecordedEvent]], Sequence[NewEvent | None]]
"""From the state and the events that led to it to what happens next; None is left out."""


class Workflows(Live):
    """``ledger.workflows``. Wherever a version is taken, so is the snapshot id of a save."""

    _elsewhere = "send the store's URL, and open a ledger there"

    def __init__(
        self, store: EventStore, index: Index, log: WorkflowLog, executors: ExecutorRegistry | None,
        now: Callable[[], int], threads: Threads,
    ) -> None:  # fmt: skip
        self._store = store
        self._index = index
        self._log = log
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
        """Save a definition, with the code of its executors. A save that changes nothing appends nothing.

        ``expected_version`` is the version that the change was based on (0: there is none yet). When it isn't the
        latest, that is StaleVersion; with ``merge`` what both changed in different nodes and edges is put together and
        saved, and only what both changed differently is StaleVersion. ``name`` is what people call the workflow; None
        leaves it as it is.

        Raises InvalidDefinition with every fault, InvalidValue for control characters in a new id, a name or an actor,
        IllegalTransition for an archived workflow.
        """
        if not isinstance(workflow_id, str) or not workflow_id or "@" in workflow_id:
            raise InvalidRequest(f"workflow_id {quoted(workflow_id)}: an id is text, not empty, without '@'")
        _check_name(name)
        freeze(workflow_id, "workflow_id")
        freeze(message, "message")
        definition = checked(definition, self._executors)
        expected = self._log.number(workflow_id, expected_version, "expected_version")
        if merge and expected is None:
            raise InvalidRequest("merge=True needs expected_version: the version that the change was based on")

        def decide(state: WorkflowState, recent: Sequence[RecordedEvent]) -> list[NewEvent | None]:
            if not recent:
                check_name(workflow_id, "workflow_id")
            refuse_archived(state)
            new, said = definition, message
            if merge and expected is not None and not state.stands_at(expected):
                both = merged_over(state, recent, expected, definition.to_data(), self._now())
                new = checked(both, self._executors)
                said = message if message is not None else f"merged over version {state.saved_version}"
            else:
                refuse_stale(state, recent, expected, self._now())
            refuse_new_names(new, state.saved)
            code, named = self._code(new, state.code), name if name is not None else state.name
            return [
                save(state, new, code, name=named, by=by, message=said, is_taken=self._log.is_taken, now=self._now())
            ]

        return self._commit(workflow_id, by, decide, since=expected, create=True)

    def rename(self, workflow_id: str, name: str | None, by: str = "unknown") -> WorkflowSnapshot:
        """Call a workflow by another name, or, with None, by its id again. The id and the definition stay.

        Raises WorkflowNotFound, IllegalTransition for an archived workflow.
        """
        _check_name(name)

        def decide(state: WorkflowState, _recent: Sequence[RecordedEvent]) -> list[NewEvent | None]:
            now = state.snapshot()
            kept, taken = (now.definition, now.code), self._log.is_taken
            return [save(state, *kept, name=name, by=by, message=None, is_taken=taken, now=self._now())]

        return self._commit(workflow_id, by, decide)

    def archive(self, workflow_id: str, by: str = "unknown", reason: str | None = None) -> WorkflowSnapshot:
        """Put a workflow away: it can be read, but neither saved nor started, until it is restored.

        Raises WorkflowNotFound, IllegalTransition when it is archived already.
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
        """Take a workflow out of the archive; with ``version`` its definition becomes the newest one, by a new save.

        Restoring what is the latest already appends nothing. Raises WorkflowNotFound, VersionNotFound, StaleVersion,
        InvalidDefinition (what was saved then can't run any more), IllegalTransition (without a version, when it isn't
        archived).
        """
        freeze(message, "message")
        expected = self._log.number(workflow_id, expected_version, "expected_version")
        old = None if version is None else self.get(workflow_id, version)
        definition = None if old is None else checked(old.definition, self._executors)

        def decide(state: WorkflowState, recent: Sequence[RecordedEvent]) -> list[NewEvent]:
            refuse_stale(state, recent, expected, self._now())
            newest = None
            if old is not None and definition is not None:
                newest = old.version, definition, self._code(definition, state.code, old.code)
            return restore(state, newest, by=by, message=message, is_taken=self._log.is_taken, now=self._now())

        return self._commit(workflow_id, by, decide, since=expected)

    def get(self, workflow_id: str, version: int | str | None = None, at: datetime | None = None) -> WorkflowSnapshot:
        """The definition as it was at a version, as of a moment, or now.

        Raises WorkflowNotFound, VersionNotFound, NothingAsOf.
        """
        return self._log.get(workflow_id, version, at)

    def list(self, *, archived: bool = False, after: str | None = None, limit: int = 50) -> Page[WorkflowSummary]:
        """A page of workflows in order of their ids; ``archived``: those too. ``after``: ``next`` of the page before.

        Raises InvalidRequest.
        """
        return workflows_page(self._index, archived, after, limit)

    def versions(self, workflow_id: str) -> Sequence[WorkflowVersion]:
        """Every version, oldest first: who saved, archived or restored the workflow when, and what each save changed.

        Raises WorkflowNotFound.
        """
        return self._log.versions(workflow_id)

    def diff(self, workflow_id: str, a: int | str | WorkflowSnapshot, b: int | str | WorkflowSnapshot) -> WorkflowDiff:
        """What differs from ``a`` to ``b``, by node and edge id; each is a version, a snapshot id or a snapshot.

        Raises WorkflowNotFound, VersionNotFound.
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
        """Write a definition to a file (``.json``, ``.yaml``), or to a folder with the code of nodes in files apart.

        ``read_definition`` reads it back, byte for byte. ``format`` is that of a folder: as it is there, else JSON.
        With ``with_executors`` the source of executors is written too, for reading only. Raises WorkflowNotFound,
        VersionNotFound, InvalidRequest (the folder holds something else, and ``force`` isn't given), StorageUnavailable
        (it can't be written; nothing was changed).
        """
        found = self.get(workflow_id, version)
        write_definition(found, path_of(path), format=format, with_executors=with_executors, force=force)
        return found

    def _commit(
        self, workflow_id: str, by: str, decide: _Decision, *, since: int | None = None, create: bool = False
    ) -> WorkflowSnapshot:
        """Append what is decided, which is decided again for as long as others append first; the state it leads to."""
        check_actor(by)
        contest = Contest()
        while True:
            recent = self._log.recent(workflow_id, since)
            if not recent and not create:
                raise WorkflowNotFound(workflow_id)
            state = state_of(workflow_id, recent)
            events = [event for event in decide(state, recent) if event is not None]
            if events:
                try:
                    self._store.append(Write(workflow_stream(workflow_id), state.version, events))
                except ConcurrencyError as error:
                    contest.lost(state.version, error)
                    continue
            for event in events:
                state.evolve(state.version + 1, event.type, event.data)
            return state.snapshot()

    def _code(self, definition: WorkflowDefinition, *saved: Mapping[str, JobCode]) -> dict[str, JobCode]:
        """The code behind the definition; where this ledger has no executors, what the saves, best first, say of it."""
        if self._executors is not None:
            return job_code(definition, self._executors)
        known = ChainMap(*map(dict, saved))
        return {type: known[type] for type in sorted({node.type for node in definition.nodes}) if type in known}

    asave = in_thread(save)
    arename = in_thread(rename)
    aarchive = in_thread(archive)
    arestore = in_thread(restore)
    aget = in_thread(get)
    alist = in_thread(list)
    aversions = in_thread(versions)
    adiff = in_thread(diff)
    aexport = in_thread(export)


def _check_name(name: object) -> None:
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise InvalidRequest(f"name {quoted(name)}: a workflow's name is text that is not empty")
    if name is not None:
        check_name(name, "name")
