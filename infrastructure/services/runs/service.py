"""``ledger.runs``: start, steer, repeat and cancel runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ....domain.errors import InvalidRequest
from ....domain.run.snapshot import Snapshot
from ....domain.values.clock import micros
from ....domain.visible import quoted
from ....projections.runs.run import Run, run_of
from ....projections.runs.work_order import WorkOrder
from ...concurrency.async_variants import run_in_thread
from ...execution.runner import PreparedCall, asynchronous, synchronous
from ...repositories.as_of import version_of_run
from ...repositories.work_orders import read_work_order
from .adopt import AdoptRequest, adopt, read_snapshot
from .repeating import Repeating
from .start import StartRequest, make_key, start_new, start_once
from .steering import Steering
from .wait_for import WaitingFor


class Runs(Steering, Repeating, WaitingFor):
    """``ledger.runs``: start and steer runs. Methods that run steps return when the run pauses, waits or ends."""

    def get(self, run_id: str, version: int | None = None) -> Run:
        """Return a run as it stands, or as it stood after ``version`` events.

        Raises RunNotFound, VersionNotFound.
        """
        services = self._services
        if version is not None:
            version = version_of_run(services.store, run_id, version)
        return run_of(services.runs.load(run_id, version))

    def work_order(self, work_order_id: str) -> WorkOrder:
        """Return a work order as it stands, with the ids of its runs.

        ``work_order_id`` is in ``Run.work_order_id``, and in WorkOrderRejected.

        Raises WorkOrderNotFound.
        """
        return read_work_order(self._services.store, self._services.runs, work_order_id)

    def _start(
        self,
        workflow_id: str,
        payload: Any = None,
        by: str = "unknown",
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        idempotency_key: str | None = None,
        version: int | str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
        trigger: Mapping[str, Any] | None = None,
        subject: str | Sequence[str] | None = None,
    ) -> PreparedCall[Run]:
        """Start a run of a workflow's live version, and run it.

        ``version`` names another one: a number, a snapshot id, or ``"latest"``, which may be a draft.

        With ``wait=False`` the run is only recorded, as queued, and a worker executes it, or any process with
        ``proceed``. This one then needs no executors. ``run_at`` (aware) says when at the earliest; of runs that are
        due, workers take those with the larger ``priority`` first.

        ``trigger`` says what made the caller start it: an object with a ``kind`` and whatever else names the cause,
        such as ``{"kind": "cron", "name": "nightly"}`` or ``{"kind": "run", "run_id": step.run_id}``. It is on record,
        and no node sees it.

        ``idempotency_key`` makes a repeated start harmless: a key that was used before in this workflow, with the same
        payload, returns the last run of that work order as it stands, with ``created=False``, and nothing is executed.

        ``subject`` is whom the data is about, such as ``"customer:42"``; several may be given. What the run and its
        work order record is then encrypted under a key of the subject's, until ``ledger.erase`` destroys that. Retries,
        reproductions, forks and runs that its steps start belong to the same subjects. Nothing personal belongs in what
        stays readable: the workflow's id, the actor, the idempotency key. Needs ``open_ledger(keys=…)``.

        Raises WorkflowNotFound, VersionNotFound (also where every version is a draft), InvalidRequest, InvalidValue (a
        payload that isn't JSON), ExecutorMissing (this process lacks executors that the run may come to),
        GlobalsMissing (it may come to nodes that read others), IllegalTransition (the workflow is archived),
        IdempotencyConflict (the key was used with another payload or version), KeyMissing (the key ring doesn't answer,
        or has no key for a subject), Erased; then nothing was written.
        Raises WorkOrderRejected if the first node's input schema refuses the input; the work order is kept and can be
        retried.
        """
        settings = self._services.settings(by, globals, step_limit)
        payload = self._services.freeze(payload, "payload")
        request = StartRequest(
            workflow_id,
            payload,
            self._services.freeze_metadata(metadata or {}),
            settings,
            wait,
            version,
            check_priority(priority),
            _check_run_at(run_at, wait=wait),
            None if trigger is None else self._services.freeze_trigger(trigger),
            self._services.seal_for(subject),
        )
        if idempotency_key is None:
            return start_new(self._services, request)
        return start_once(self._services, request, make_key(request, idempotency_key))

    def _adopt(
        self,
        snapshot: Snapshot | bytes | str | Mapping[str, Any],
        workflow_id: str,
        by: str = "unknown",
        version: int | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        idempotency_key: str | None = None,
    ) -> PreparedCall[Run]:
        """Go on with a run that began elsewhere, in another engine or another ledger, as a run of this ledger.

        The run begins as the ``snapshot`` stands: with its results, status, node, retry state and metadata, and with
        its payload where no step has seen it. What waits there waits here, for ``resume`` or ``proceed``; what had
        ended has ended; what is active goes on, or, with ``wait=False``, is queued. Its history begins here, and holds
        the snapshot: ``run.origin.kind`` is ``adoption``. ``metadata`` is merged into the snapshot's; null removes a
        key. ``version`` of the workflow, ``globals``, ``step_limit`` and ``idempotency_key`` are as in ``start``: a key
        that adopted the same snapshot before returns that work order's run as it stands, with ``created=False``.

        Raises InvalidSnapshot (it is none, it is too large, or the version lacks its node), WorkflowNotFound,
        VersionNotFound, InvalidRequest, InvalidValue, ExecutorMissing, IllegalTransition (the workflow is archived),
        IdempotencyConflict (the key was used for something else), GlobalsMissing; then nothing was written.
        """
        settings = self._services.settings(by, globals, step_limit)
        data = read_snapshot(self._services, snapshot)
        kept = self._services.freeze_metadata(metadata or {})
        request = AdoptRequest(workflow_id, data, kept, settings, wait, version)
        return adopt(self._services, request, idempotency_key)

    start = synchronous(_start)
    astart = asynchronous(_start)
    adopt = synchronous(_adopt)
    aadopt = asynchronous(_adopt)
    aget = run_in_thread(get)
    awork_order = run_in_thread(work_order)


_MOST_PRIORITY = 2**31 - 1


def check_priority(priority: object) -> int:
    """Raises InvalidRequest for what is no priority."""
    if type(priority) is not int or not -_MOST_PRIORITY <= priority <= _MOST_PRIORITY:
        raise InvalidRequest(f"priority {quoted(priority)} is not a whole number from -2^31 to 2^31")
    return priority


def _check_run_at(run_at: datetime | None, *, wait: bool) -> int | None:
    """In microseconds since 1970. Raises InvalidRequest."""
    if run_at is None:
        return None
    if wait:
        raise InvalidRequest("run_at is for runs that are left to a worker: give wait=False with it")
    if not isinstance(run_at, datetime):
        raise InvalidRequest(f"run_at {quoted(run_at)} is not an aware datetime")
    return micros(run_at)
