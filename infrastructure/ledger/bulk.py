"""Bulk work of a ledger: what each worker opens, and how the work is spread."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...domain.errors import InvalidRequest
from ...domain.values.names import check_run_id
from ...domain.visible import quoted
from ...projections.bulk import BulkFailure
from ..files.atomic import make_folder
from ..files.names import file_names
from ..operations.jobs import ExportJob, Job, OpenLedger, ReplayJob, load_registry
from ..operations.own_processes import count_cores, work_in_processes
from ..operations.spread import AnyExecutor, check_picklable, spread

if TYPE_CHECKING:
    from ..storage.event_store import LedgerEventStore
    from ..storage.sealing.key_ring import KeyRing

_Done = TypeVar("_Done")

_LONGEST_NAME = 1_000

Reopen = Callable[..., AbstractContextManager[OpenLedger]]
"""Opens a ledger in a worker, by the store's URL, the name of the registry (None: none), ``max_value_bytes``, and what
makes the key ring there, if one is needed."""


def listed(run_ids: Iterable[str]) -> Sequence[str]:
    """The ids, each once. Raises InvalidRequest."""
    if isinstance(run_ids, str):
        raise InvalidRequest(f"give a list of run ids, such as [{quoted(run_ids)}]")
    try:
        ids = list(dict.fromkeys(run_ids))
    except TypeError as error:
        raise InvalidRequest(f"give a list of run ids, not {quoted(run_ids)}: {error}") from error
    for run_id in ids:
        check_run_id(run_id)
    return ids


def replay_job(
    store: "LedgerEventStore",
    reopen: Reopen,
    app: str,
    effects: Iterable[str],
    globals: Mapping[str, Any] | None,
    ignore_code: bool,
    against: int | str | None,
) -> ReplayJob:
    """The job that replays runs of a store by the registry that ``app`` names. Raises InvalidRequest."""
    if not isinstance(app, str) or len(app) > _LONGEST_NAME:
        raise InvalidRequest(f"app {quoted(app)} is not the name of a registry, such as myapp.steps:executors")
    if isinstance(effects, str) or not isinstance(effects, list | tuple | set | frozenset):
        raise InvalidRequest(f"effects {quoted(effects)} is not a list of node types")
    types = tuple(effects)
    if not all(isinstance(type, str) for type in types):
        raise InvalidRequest(f"effects {quoted(effects)} is not a list of node types, which are text")
    registry = load_registry(app)
    for type in types:
        if type not in registry:
            raise InvalidRequest(f"effects: no executor is registered for type {quoted(type)}")
    return ReplayJob(_opener(store, reopen, app, *_keys_of(store)), types, globals, ignore_code, against)


def export_job(store: "LedgerEventStore", reopen: Reopen, run_ids: Sequence[str], folder: Path) -> ExportJob:
    """The job that writes runs into a folder, which is made. Raises InvalidRequest, StorageUnavailable."""
    make_folder(folder)
    together = file_names(run_ids)
    odd = {run_id: name for run_id, name in together.items() if name != file_names([run_id])[run_id]}
    # What is sealed is exported as it lies in the log, without a key.
    return ExportJob(_opener(store, reopen, None), folder.absolute(), odd)


def do_with_all(
    job: Job[_Done],
    run_ids: Sequence[str],
    executor: AnyExecutor | None,
    workers: int | None,
    chunk: int,
    at_once: int,
) -> Generator[_Done | BulkFailure]:
    """Do the job with each run: by an executor, or in processes of our own, one for each core.

    Raises InvalidRequest.
    """
    for name, number in (("chunk", chunk), ("at_once", at_once), ("workers", 1 if workers is None else workers)):
        if type(number) is not int or number < 1:
            raise InvalidRequest(f"{name} {quoted(number)} is not a number, 1 or more")
    if executor is not None and workers is not None:
        raise InvalidRequest("workers are processes of this call; an executor has its own")
    check_picklable(job)
    if executor is None:
        return work_in_processes(job, run_ids, workers or count_cores())
    return spread(job, run_ids, executor, chunk=chunk, at_once=at_once)


def _opener(
    store: "LedgerEventStore", reopen: Reopen, app: str | None, *keys: Callable[[], "KeyRing"]
) -> Callable[[], AbstractContextManager[OpenLedger]]:
    if store.url is None or store.url == "memory:":
        which = store.url or "a store that the caller has opened"
        raise InvalidRequest(f"this opens the store in other processes, and {which} is in this one alone")
    return partial(reopen, store.url, app, store.max_value_bytes, *keys)


def _keys_of(store: "LedgerEventStore") -> list[Callable[[], "KeyRing"]]:
    """What makes the ledger's key ring in a worker, if it has one. Raises InvalidRequest where nothing can."""
    if store.subject_keys is None or store.subject_keys.ring is None:
        return []
    return [store.subject_keys.ring.reopen()]
