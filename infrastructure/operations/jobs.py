"""What is done with each of many runs, in other processes or on other machines. Everything in a job can be pickled."""

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ...domain.errors import Erased, EventNotReadable, InvalidRequest, KeyMissing, NotFound, StorageCorrupt
from ...domain.execution.executors import ExecutorRegistry
from ...domain.visible import visible
from ...projections.bulk import BulkFailure
from ...projections.replay.report import ReplayReport
from ..files.names import file_names
from ..services.history.service import History
from ..transfer.files import PACKED, PLAIN
from ..transfer.report import ExportReport

_Done = TypeVar("_Done", covariant=True)


class OpenLedger(Protocol):
    """What a worker needs of a ledger: its history."""

    @property
    def history(self) -> History: ...


class Job(Protocol[_Done]):
    """What each worker does: it opens a ledger, and does this with one run after the other."""

    @property
    def open_ledger(self) -> Callable[[], AbstractContextManager[OpenLedger]]: ...

    def do(self, ledger: OpenLedger, run_id: str) -> _Done: ...


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """Each run is executed again, and compared with its record."""

    open_ledger: Callable[[], AbstractContextManager[OpenLedger]]
    effects: tuple[str, ...] = ()
    globals: Mapping[str, Any] | None = None
    ignore_code: bool = False
    against: int | str | None = None

    def do(self, ledger: OpenLedger, run_id: str) -> ReplayReport:
        return ledger.history.replay(
            run_id,
            effects=self.effects,
            globals=self.globals,
            ignore_code=self.ignore_code,
            against=self.against,
        )


@dataclass(frozen=True, slots=True)
class ExportJob:
    """Each run is written to a file of its own."""

    open_ledger: Callable[[], AbstractContextManager[OpenLedger]]
    folder: Path
    names: Mapping[str, str]
    """Run id → name of its file, of those whose id alone doesn't say it."""

    def do(self, ledger: OpenLedger, run_id: str) -> ExportReport:
        return ledger.history.export(run_id, self.path_of(run_id))

    def path_of(self, run_id: str) -> Path:
        """The file of a run."""
        name = self.names.get(run_id) or file_names([run_id])[run_id]
        return self.folder / f"{name}{PLAIN}{PACKED}"


def do_or_report(job: Job[_Done], ledger: OpenLedger, run_id: str) -> _Done | BulkFailure:
    """Do it with one run. A run that can't be read is a failure of its own, and doesn't stop the others."""
    try:
        return job.do(ledger, run_id)
    except (Erased, KeyMissing, EventNotReadable, StorageCorrupt, NotFound) as error:
        return BulkFailure(run_id, "unreadable", str(error))


def load_named(spec: str, option: str, kind: str = "name") -> tuple[Any, str, Any]:
    """The module that ``module:name`` names, the name, and what it stands for there, None where there is no such name.

    The current directory is importable. Raises InvalidRequest; ``option`` says what named it.
    """
    module_name, colon, name = spec.partition(":")
    if not colon or not module_name or not name:
        raise InvalidRequest(f"{option} {spec!r} is not of the form module:{kind}, such as myapp.steps:executors")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # importing an application can raise anything
        place = _where(error)
        raise InvalidRequest(
            visible(f"{option} {spec}: can't import {module_name!r}: {type(error).__name__}: {error}{place}")
        ) from error
    return module, name, getattr(module, name, None)


def load_registry(spec: str, option: str = "app") -> ExecutorRegistry:
    """The registry that ``module:name`` stands for. Raises InvalidRequest."""
    module, name, registry = load_named(spec, option, "registry")
    if isinstance(registry, ExecutorRegistry):
        return registry
    known = [key for key, value in vars(module).items() if isinstance(value, ExecutorRegistry)]
    hint = f"its registries: {', '.join(known)}" if known else "it has no ExecutorRegistry at all"
    what = f"{name!r} is {type(registry).__name__}, not an ExecutorRegistry" if registry is not None else f"no {name!r}"
    raise InvalidRequest(visible(f"{option} {spec}: module {module.__name__!r} has {what}; {hint}"))


def _where(error: BaseException) -> str:
    """The line of the application on which its import failed, if it came that far."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else ""
