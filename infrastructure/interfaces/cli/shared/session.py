"""One call of the command line: its store, its executors, and the form of its answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from .....domain.errors import InvalidRequest
from ....files.paths import is_stdout
from ...presentation.documents import to_json
from ...presentation.inputs import load_registry
from ...presentation.streams import pass_application_output, raw_stream

if TYPE_CHECKING:
    from pathlib import Path

    import typer
    from rich.console import Console

    from .....domain.execution.executors import ExecutorRegistry
    from ....ledger.ledger import Ledger
    from ....storage.sealing.key_ring import KeyRing
    from ....telemetry.settings import Telemetry

DEFAULT_STORE = "sqlite:///flowledger.db"


class Interrupted(Exception):
    """Ctrl-C while steps ran; the message says how to continue the run."""


@contextmanager
def interruptible() -> Generator[None]:
    """For a block that runs steps: an interruption keeps the hint how to continue the run."""
    try:
        with pass_application_output():
            yield
    except KeyboardInterrupt as interrupt:
        raise Interrupted("; ".join(getattr(interrupt, "__notes__", ())) or "interrupted") from interrupt


@dataclass
class Session:
    """Filled by the options, used by the commands."""

    json: bool
    """Answer with one JSON document on stdout."""
    store: str | None = None
    app: str | None = None
    keys: str | None = None
    """The file of a key ring."""
    named: set[str] = field(default_factory=set)
    """What was named in this call, and not by the environment alone: ``store``, ``app``."""
    exit_code: int = 0
    stdout: TextIO = field(default_factory=lambda: sys.stdout)

    @staticmethod
    def of(context: typer.Context) -> Session:
        """The session of this call."""
        session = context.obj
        assert isinstance(session, Session)  # noqa: S101 - main puts it there
        return session

    def open_ledger(
        self,
        *,
        running: bool = False,
        writing: bool = False,
        create: bool = False,
        globals: Any = None,
        telemetry: Telemetry | None = None,
        stays: bool = False,
    ) -> Ledger:
        """Open the store; ``running`` needs the application's executors, ``create`` makes a store where there is none.

        A command that does neither imports the application only if it is ``writing`` what will run: reading needs no
        code and runs none. ``stays``: the command goes on until it is told to stop.

        Raises InvalidRequest, StorageError.
        """
        from ....ledger.open import open_ledger

        imported = running or (self.app is not None and (writing or create))
        executors = self.registry() if imported else None
        # A process trusts only its own checkpoints, and a command ends before it would read one.
        every = 1_000 if stays else None
        return open_ledger(
            self.store or DEFAULT_STORE,
            executors,
            create=create,
            checkpoint_every=every,
            globals=globals,
            telemetry=telemetry,
            keys=self.key_ring(),
        )

    def key_ring(self) -> KeyRing | None:
        """The master keys in the file that was named. Raises InvalidRequest."""
        if self.keys is None:
            return None
        from ....storage.sealing.key_ring import KeyRing

        return KeyRing.from_file(self.keys)

    def registry(self) -> ExecutorRegistry:
        """The application's executors. Raises InvalidRequest."""
        if self.app is None:
            raise InvalidRequest(
                "running steps needs your executors: name their registry with --app module:registry or FLOWLEDGER_APP"
            )
        return load_registry(self.app)

    def answer(self, document: Any, show: Callable[[Console], None], *, written: str | Path | None = None) -> None:
        """Print the answer of a command: the document as JSON, or what ``show`` prints for people.

        On stdout, or on stderr if a file was ``written`` to stdout (``/dev/stdout``).
        """
        out = sys.stderr if written is not None and is_stdout(written) else self.stdout
        if self.json:
            self.print_json(document, out)
        else:
            show(_console(out))

    def print_csv(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], more: str | None = None) -> None:
        """Print a list as comma-separated values; ``more`` is the option that continues it.

        Raises InvalidRequest where --json is asked for as well.
        """
        from ....files.csv import write_csv  # and pydantic, which --help does without

        if self.json:
            raise InvalidRequest("--json and --csv exclude each other: give one of them")
        # On a terminal control characters are escaped; another program gets every value as it is.
        write_csv(self.stdout if self.stdout.isatty() else raw_stream(self.stdout), columns, rows)
        if more is not None:
            print(f"more: {more}", file=sys.stderr)

    def print_json(self, document: Any, out: TextIO | None = None) -> None:
        """Print one JSON document, by default on stdout."""
        out = out or self.stdout
        out.write(to_json(document) + "\n")
        out.flush()

    def console(self) -> Console:
        """The console for people: stdout, or stderr when stdout is for the JSON document."""
        return _console(sys.stderr if self.json else self.stdout)


def _console(stream: TextIO) -> Console:
    from ...presentation.console import console  # rich takes a while to load, and --json needs none of it

    return console(stream)
