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
        """Start a new run from the state of another one at ``version`` (None: as it stands now).

        That is one append, however much the source has produced: nothing is copied. The fork begins with the source's
        status, node, results, retry state and metadata. So what waits for a person or a retry still waits, what had
        failed or was cancelled runs on at its node, and what was complete is complete.

        ``payload``: the next step sees it in place of the recorded one, and nothing waits any more. ``output``:
        replaces the last result, and the run continues behind it on the edge that was taken then; a StepResult names
        another handle. ``workflow_version``: continue with that version of the workflow (number or snapshot id), not
        the one that ran. ``metadata`` is merged into the source's.

        The fork belongs to the work order and never changes its state. Its steps have idempotency keys of their own. It
        also works for an archived workflow.

        Raises RunNotFound, VersionNotFound (of the run, or of the workflow), IllegalTransition (the workflow's version
        lacks a node that is needed), InvalidRequest (there is no result to replace, no edge takes the handle, or
        nothing is left that would see the payload), InvalidValue; then nothing was written.
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
