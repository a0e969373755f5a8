"""``ledger.workflows``: save definitions, release them, read them as they were, archive them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ....domain.errors import InvalidRequest
from ....domain.execution.executors import ExecutorRegistry
from ....domain.live import Unpicklable
from ....domain.ports import EventStore, NewEvent, RecordedEvent
from ....domain.values.json import freeze
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ....domain.workflow import (
    Save,
    WorkflowSnapshot,
    WorkflowState,
    WorkflowVersion,
    archive,
    merge_over,
    refuse_archived,
    refuse_stale,
    release,
    restoration_message,
    restore,
    save,
)
from ....domain.workflow.definition import WorkflowDefinition
from ....projections.comparison.workflows import WorkflowDiff, diff_of
from ....projections.pagination import Page
from ....projections.runs.summary import WorkflowSummary
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...files.base import remember_base
from ...files.definition_reader import read_definition
from ...files.definition_writer import write_definition
from ...files.format import Format
from ...files.paths import to_path
from ...queries.index.reader import Index
from ...queries.listing import workflows_page
from ...repositories.workflows import WorkflowRepository
from .commands import WorkflowCommands, check_workflow_name, key_of
from .validation import refuse_new_names, validate_definition


class Workflows(Unpicklable):
    """``ledger.workflows``: definitions and their versions.

    A version may also be given as a save's snapshot id, or as ``"live"`` or ``"latest"``.
    """

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
        self._index = index
        self._workflows = workflows
        self._executors = executors
        self._commands = WorkflowCommands(store, workflows, executors, now)
        self._now = now
        self._threads = threads

    def save(
        self,
        definition: WorkflowDefinition | Mapping[str, Any] | Path,
        *,
        workflow_id: str,
        by: str = "unknown",
        message: str | None = None,
        expected_version: int | str | None = None,
        merge: bool = False,
        name: str | None = None,
        draft: bool = False,
        force: bool = False,
        idempotency_key: str | None = None,
    ) -> WorkflowSnapshot:
        """Save a definition together with the source of its executors, and return it as a WorkflowSnapshot.

        The save is live at once: it is what runs start with. With ``draft=True`` the live version stays what it is, and
        ``release`` makes this one live later. A save that changes neither definition nor code nor name appends nothing,
        except that a draft which is saved again, as none, is released. ``message`` says what the change is for.
        ``name`` is what people call the workflow; None leaves the name as it is.

        ``expected_version`` is the version that the change is based on (0: the workflow doesn't exist yet); None
        doesn't check. If it is no longer the latest, StaleVersion is raised. With ``merge=True``, which needs it, the
        two changes are merged as far as they concern different nodes and edges; StaleVersion is then raised only for
        parts that both changed.

        The definition may also be a Path, as for ``read_definition``. A folder that was exported remembers the version
        that it came from, and that is what is expected, unless you say otherwise. ``force=True`` expects nothing.

        ``idempotency_key`` makes a repeated command harmless: a key that was used before in this workflow, for the same
        command, returns the latest version as it stands, and nothing is written. So a command with a key is always on
        record, also where it changes nothing.

        Raises InvalidDefinition (with every fault), InvalidRequest, InvalidValue (control characters in a new id, name
        or actor), StaleVersion, IdempotencyConflict, IllegalTransition (the workflow is archived).
        """
        if not isinstance(workflow_id, str) or not workflow_id or "@" in workflow_id:
            raise InvalidRequest(f"workflow_id {quoted(workflow_id)}: an id is text, not empty, without '@'")
        check_workflow_name(name)
        freeze(workflow_id, "workflow_id")
        freeze(message, "message")
        path = definition if isinstance(definition, Path) else None
        base = None if path is None else self._commands.base_of(path, workflow_id)
        definition = read_definition(definition) if isinstance(definition, Path) else definition
        definition = validate_definition(definition, self._executors)
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")
        expected = None if force else base if expected is None else expected
        if merge and force:
            raise InvalidRequest("merge=True keeps what others saved, and force=True doesn't: choose one")
        if merge and expected is None:
            raise InvalidRequest("merge=True needs expected_version: the version that the change was based on")
        mine = definition.to_data()
        key = key_of(idempotency_key, "save", definition=mine, message=message, name=name, draft=draft or None)

        def decide(state: WorkflowState, recent: Sequence[RecordedEvent]) -> list[NewEvent | None]:
            if not recent:
                check_name(workflow_id, "workflow_id")
            refuse_archived(state)
            new, note = definition, message
            if merge and expected is not None and not state.stands_at(expected):
                both = merge_over(state, recent, expected, mine, self._now())
                new = validate_definition(both, self._executors)
                note = message if message is not None else f"merged over version {state.saved_version}"
            else:
                refuse_stale(state, recent, expected, self._now())
            refuse_new_names(new, state.saved)
            code, new_name = self._commands.code(new, state.code), name if name is not None else state.name
            return [self._save(state, Save(new, code, new_name, note, draft), by)]

        saved = self._commands.commit(workflow_id, by, decide, key=key, since=expected, create=True).snapshot()
        if path is not None and base is not None and saved.digest == definition.digest:
            remember_base(path, saved)
        return saved

    def release(
        self,
        workflow_id: str,
        version: int | str,
        by: str = "unknown",
        message: str | None = None,
        expected_version: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> WorkflowSnapshot:
        """Make a version the live one, which runs start with, and return the live version.

        ``version`` may be older than the one that is live: so a bad version is taken back. It stays live until the next
        release, or the next save that is no draft. Releasing the live version appends nothing. No executors are needed.
        ``message`` says why.

        ``expected_version`` is the version that the caller looked at, as in ``save``. ``idempotency_key``: as there.

        Raises WorkflowNotFound, VersionNotFound, StaleVersion, IdempotencyConflict, IllegalTransition (the workflow is
        archived).
        """
        freeze(message, "message")
        key = key_of(idempotency_key, "release", version=version, message=message)
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")
        chosen = self.get(workflow_id, version).version
        self._commands.command(
            workflow_id,
            "release",
            by,
            lambda state: [release(state, chosen, by=by, message=message, now=self._now())],
            expected=expected,
            key=key,
        )
        return self.get(workflow_id, "live")

    def rename(
        self,
        workflow_id: str,
        name: str | None,
        by: str = "unknown",
        expected_version: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> WorkflowSnapshot:
        """Give a workflow another ``name``; None takes its name away. The id and the definition stay as they are.

        A name is part of a version: where the latest one is a draft, the new name is one too.
        ``expected_version`` is the version that the caller looked at, as in ``save``. ``idempotency_key``: as there.

        Raises WorkflowNotFound, InvalidValue, StaleVersion, IdempotencyConflict, IllegalTransition (the workflow is
        archived).
        """
        check_workflow_name(name)
        key = key_of(idempotency_key, "rename", name=name)
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")

        def decide(state: WorkflowState) -> list[NewEvent | None]:
            now = state.snapshot()
            return [self._save(state, Save(now.definition, now.code, name, None, draft=not state.is_live), by)]

        return self._commands.command(workflow_id, "rename", by, decide, expected=expected, key=key).snapshot()

    def archive(
        self,
        workflow_id: str,
        by: str = "unknown",
        reason: str | None = None,
        expected_version: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> WorkflowSnapshot:
        """Archive a workflow: it can still be read, but neither saved nor started until it is restored.

        ``expected_version`` is the version that the caller looked at, as in ``save``. ``idempotency_key``: as there.

        Raises WorkflowNotFound, StaleVersion, IdempotencyConflict, IllegalTransition (it is archived already).
        """
        freeze(reason, "reason")
        key = key_of(idempotency_key, "archive", reason=reason)
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")
        return self._commands.command(
            workflow_id,
            "archive",
            by,
            lambda state: [archive(state, by, reason, self._now())],
            expected=expected,
            key=key,
        ).snapshot()

    def restore(
        self,
        workflow_id: str,
        by: str = "unknown",
        version: int | str | None = None,
        message: str | None = None,
        expected_version: int | str | None = None,
        idempotency_key: str | None = None,
    ) -> WorkflowSnapshot:
        """Take a workflow out of the archive, or make the definition of ``version`` the latest again.

        The old version comes back as a new save that is live, and records which version it was; ``message``,
        ``expected_version`` and ``idempotency_key`` are as in ``save``. Restoring the latest version appends nothing.
        To make an old version live as it is, ``release`` it.

        Raises WorkflowNotFound, VersionNotFound, StaleVersion, InvalidDefinition (the old version can't run any more),
        IdempotencyConflict, IllegalTransition (without ``version``, when the workflow isn't archived).
        """
        freeze(message, "message")
        key = key_of(idempotency_key, "restore", version=version, message=message)
        expected = self._workflows.resolve_version(workflow_id, expected_version, "expected_version")
        old = None if version is None else self.get(workflow_id, version)
        definition = None if old is None else validate_definition(old.definition, self._executors)

        def decide(state: WorkflowState) -> list[NewEvent]:
            newest = None
            if old is not None and definition is not None:
                code = self._commands.code(definition, state.code, old.code)
                said = message if message is not None else restoration_message(old.version)
                newest = Save(definition, code, state.name, said, restored_version=old.version)
            taken = self._workflows.has_snapshot_id
            return restore(state, newest, by=by, message=message, is_taken=taken, now=self._now())

        return self._commands.command(workflow_id, "restore", by, decide, expected=expected, key=key).snapshot()

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

    def _save(self, state: WorkflowState, new: Save, by: str) -> NewEvent | None:
        return save(state, new, by=by, is_taken=self._workflows.has_snapshot_id, now=self._now())

    asave = run_in_thread(save)
    arelease = run_in_thread(release)
    arename = run_in_thread(rename)
    aarchive = run_in_thread(archive)
    arestore = run_in_thread(restore)
    aget = run_in_thread(get)
    alist = run_in_thread(list)
    aversions = run_in_thread(versions)
    adiff = run_in_thread(diff)
    aexport = run_in_thread(export)
