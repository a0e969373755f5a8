"""The part of ``ledger.runs`` that branches off from runs."""

from collections.abc import Mapping
from typing import Any

from ....domain.errors import ConcurrencyError, InvalidRequest
from ....domain.rerun.fork import Edit, Standing, edited_result
from ....domain.values.point_in_time import moment_asked
from ....projections.runs.run import Run
from ...execution.runner import Execution, asynchronous, synchronous
from ...repositories.as_of import version_at
from ...repositories.origins import events_backwards
from ...repositories.work_orders import order_and_run
from .context import OnWorkbench, Workbench
from .rerun import Repetition
from .retry import begin


class Forks(OnWorkbench):
    """Forks runs."""

    def _fork(
        self,
        run_id: str,
        version: int | None = None,
        by: str = "unknown",
        payload: Any = None,
        output: Any = None,
        workflow_version: int | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
    ) -> Execution[Run]:
        """A new run that begins as another one stood at a version (None: as it stands now), and goes on from there.

        One append, whatever the other has produced: nothing is copied. With its status, node, results, retry state and
        metadata the fork begins, and so what waits for a person or for its retry still waits; what had failed or was
        cancelled runs on at its node; what was complete is complete.

        ``payload``: the next step sees it instead, and nothing waits. ``output``: takes the place of the last result,
        and the run goes on behind it, the way that was taken then; a ``StepResult`` says another handle.
        ``workflow_version``: goes on with that version (number or snapshot id) of the workflow, not the one that ran.
        ``metadata``: merged into the other's; null removes a key. ``globals`` are never stored, so give them again.

        The fork is kept with the work order, and never tells its state; it also works for an archived workflow. Steps
        that run in it have idempotency keys of their own. Raises RunNotFound, VersionNotFound (of the run, or of the
        workflow), IllegalTransition (the workflow's version lacks a node that is needed), InvalidRequest (no result to
        replace, no edge that takes the handle, nothing left that would see the payload), InvalidValue; then nothing was
        written.
        """
        settings = self._bench.settings(by, globals, step_limit)
        payload = self._bench.freeze(payload, "payload")
        edit = None if output is None else self._bench.edit(output)
        kept = self._bench.freeze_metadata(metadata or {})
        while True:
            try:
                planned = fork_of(self._bench, run_id, version, payload, edit, workflow_version)
                return begin(self._bench, planned, settings, kept, wait=wait)
            except ConcurrencyError:  # somebody added a run to the work order, which changes nothing for this one
                continue

    fork = synchronous(_fork)
    afork = asynchronous(_fork)


def fork_of(
    bench: Workbench,
    run_id: str,
    version: int | None,
    payload: Any,
    edit: Edit | None,
    workflow_version: int | str | None,
) -> Repetition:
    """A branch of a run, from one of its versions.

    Raises RunNotFound, VersionNotFound, IllegalTransition (the definition lacks the node that is next), InvalidRequest
    (there is nothing to edit, or nothing that would see the payload).
    """
    order, _ = order_and_run(bench.store, run_id)
    head = bench.store.head(run_id)
    at = version_at(bench.store, run_id, moment_asked(version, None), head, f"run {run_id!r}")
    source = bench.states.load(run_id, at)
    runnable = bench.pinned(
        source.workflow_id, source.workflow_version if workflow_version is None else workflow_version
    )
    standing = Standing(run_id, at, runnable.workflow_id, runnable.version, runnable.plan)
    edited = None
    if edit is not None:
        edited = edited_result(edit, events_backwards(bench.store, run_id, source.origin, at), standing)
    node_id = source.current_node_id if edited is None else edited.get("next_node_id")
    if node_id is not None:
        standing.node(node_id)
    elif payload is not None:
        raise InvalidRequest(f"{standing.label} has nothing left to run, so no step would see the payload")
    return Repetition(
        order, run_id, runnable, node_id, payload, {"kind": "fork", "run_id": run_id, "version": at}, source, edited
    )
