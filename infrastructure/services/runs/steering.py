"""Commands on a run that is under way: answers, holds, the end.

Each takes ``expected_version``, the version that the caller looked at, and ``idempotency_key``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ....domain.ports import NewEvent
from ....domain.run import RunState, cancel, hold, release, set_metadata
from ....projections.runs.run import Run
from ...concurrency.async_variants import run_in_thread
from ...execution.runner import PreparedCall, asynchronous, synchronous
from .answer import AnswerRequest, answer_wait, go_on
from .bulk import BulkOperation, prepare_cancellations
from .commands import Command, make_command
from .run_methods import RunMethods


class Steering(RunMethods):
    """The methods of ``ledger.runs`` that steer one run."""

    def _resume(
        self,
        run_id: str,
        payload: Any = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> PreparedCall[Run]:
        """Answer what a paused run waits for: the node that asked runs again, and ``step.answer`` is there.

        ``wait`` is the id of the question that is answered, of ``run.waits``; None is the one that is open. An answer
        that is delivered again, with the same payload to the same wait, gives the run as it stands.

        Raises RunNotFound, InvalidRequest (``wait`` is none of this run), InvalidValue, InvalidAnswer (it doesn't fit
        the schema of the wait), WaitClosed (it was answered otherwise), RunHeld, IllegalTransition (the run isn't
        paused), ConcurrencyError (another caller was faster),
        RunMovedOn, VersionNotFound, IdempotencyConflict, ExecutorMissing, GlobalsMissing.
        """
        settings = self._services.settings(by, globals, step_limit)
        payload = self._services.freeze(payload, "payload")
        command = make_command("resume", expected_version, idempotency_key, payload=payload, wait=wait)
        return answer_wait(self._services, run_id, AnswerRequest(payload, wait, settings, command))

    def _proceed(
        self,
        run_id: str,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> PreparedCall[Run]:
        """Continue a run that waits for an automatic retry, is queued, or whose process is gone.

        A retry is made at once, before it is due. Where a question is open whose deadline has passed, that is its
        answer: the node that asked runs again, and ``step.answer.timed_out`` is True. A run that has ended is returned
        unchanged.

        Raises RunNotFound, RunHeld, IllegalTransition (the run waits for an answer), ConcurrencyError (another caller
        claimed it first), RunMovedOn, VersionNotFound, IdempotencyConflict, ExecutorMissing,
        GlobalsMissing.
        """
        settings = self._services.settings(by, globals, step_limit)
        return go_on(self._services, run_id, settings, make_command("proceed", expected_version, idempotency_key))

    resume = synchronous(_resume)
    aresume = asynchronous(_resume)
    proceed = synchronous(_proceed)
    aproceed = asynchronous(_proceed)

    def hold(
        self,
        run_id: str,
        by: str = "unknown",
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Hold a run, also one that waits: nothing is executed and no answer is taken until it is released.

        A step that is being executed is still recorded. What the run waits for stays open. In a Snapshot a held run is
        ``paused``, and ``metadata.held`` says by whom. It needs no key of a subject, but for a ``reason``.

        Raises RunNotFound, IllegalTransition (the run has ended), RunHeld (it is held already), RunMovedOn,
        VersionNotFound, IdempotencyConflict, KeyMissing.
        """
        command = make_command("hold", expected_version, idempotency_key, reason=reason)
        return self._steer(run_id, by, lambda state, now: hold(state, reason, by, now), command)

    def release(
        self,
        run_id: str,
        by: str = "unknown",
        note: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Lift a hold: the run stands again where the hold met it. Executes nothing: ``proceed`` goes on with it.

        ``note`` is for people, and reaches no node.

        Raises RunNotFound, IllegalTransition (the run isn't held), RunMovedOn, VersionNotFound, IdempotencyConflict,
        KeyMissing.
        """
        command = make_command("release", expected_version, idempotency_key, note=note)
        return self._steer(run_id, by, lambda state, now: release(state, note, by, now), command)

    def pause(
        self,
        run_id: str,
        by: str = "unknown",
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Hold a run: the old name of ``hold``.

        Raises RunNotFound, IllegalTransition (the run has ended), RunHeld (it is held already), RunMovedOn,
        VersionNotFound, IdempotencyConflict, KeyMissing.
        """
        return self.hold(run_id, by, reason, expected_version, idempotency_key)

    def cancel(
        self,
        run_id: str,
        by: str = "unknown",
        reason: str | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """End a run for good. A step that is being executed is still recorded.

        A run whose values can't be read, as the key of its subject isn't at hand or is lost, can be ended, too: without
        a ``reason``, which would be sealed.

        Raises RunNotFound, IllegalTransition (the run has ended), RunMovedOn, VersionNotFound, IdempotencyConflict,
        KeyMissing (with a reason).
        """
        command = make_command("cancel", expected_version, idempotency_key, reason=reason)
        return self._steer(run_id, by, lambda state, now: cancel(state, reason, by, now), command)

    def set_metadata(
        self,
        run_id: str,
        metadata: Mapping[str, Any],
        by: str = "unknown",
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Merge ``metadata`` into the run's metadata. A value of None removes its key.

        Raises RunNotFound, InvalidRequest (it isn't an object), InvalidValue, RunMovedOn, VersionNotFound,
        IdempotencyConflict.
        """
        frozen = self._services.freeze_metadata(metadata)
        command = make_command("set_metadata", expected_version, idempotency_key, metadata=frozen)
        return self._steer(run_id, by, lambda state, now: set_metadata(state, frozen, by, now), command)

    def cancel_all(self, runs: Iterable[str], by: str = "unknown", reason: str | None = None) -> BulkOperation:
        """Prepare the cancellation of many ``runs``, given by their ids; iterating over the result executes it.

        The id of a work order stands for its last run. Runs that have ended are skipped.

        Raises InvalidRequest.
        """
        return prepare_cancellations(self._services, runs, by, reason)

    def _steer(self, run_id: str, by: str, decide: Callable[[RunState, int], NewEvent], command: Command) -> Run:
        return self._services.command(run_id, by, lambda state: decide(state, self._services.now()), command)

    ahold = run_in_thread(hold)
    arelease = run_in_thread(release)
    apause = run_in_thread(pause)
    acancel = run_in_thread(cancel)
    aset_metadata = run_in_thread(set_metadata)
    acancel_all = run_in_thread(cancel_all)
