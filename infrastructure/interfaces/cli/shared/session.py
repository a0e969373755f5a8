"""What holds for one call of the command line: where the store is, whose executors run, and how the answer looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from .....domain.errors import InvalidRequest
from ....files.csv import write_csv
from ....files.paths import is_stdout
from ...presentation.documents import to_json
from ...presentation.inputs import load_registry
from ...presentation.streams import application_prints, below

if TYPE_CHECKING:
    from pathlib import Path

    import typer
    from rich.console import Console

    from .....domain.execution.executors import ExecutorRegistry
    from ....ledger.ledger import Ledger

DEFAULT_STORE = "sqlite:///flowledger.db"


class Interrupted(Exception):
    """Ctrl-C while steps ran; the message says how the run goes on."""


@contextmanager
def interruptible() -> Generator[None]:
    """For a block that runs steps: an interruption keeps what the run has to say of it."""
    try:
        with application_prints():
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
    exit_code: int = 0
    stdout: TextIO = field(default_factory=lambda: sys.stdout)

    @staticmethod
    def of(context: typer.Context) -> Session:
        """The session of this call."""
        session = context.obj
        assert isinstance(session, Session)  # noqa: S101 - main puts it there
        return session

    def ledger(self, *, running: bool = False, writing: bool = False, create: bool = False) -> Ledger:
        """Open the store; ``running`` demands the application's executors, ``create`` makes a store where none is.

        Commands that do neither never import the application, unless they are ``writing`` what is to run: who only
        reads needs no code and runs none.

        Raises InvalidRequest, StorageError.
        """
        from ....ledger.open import open_ledger

        imported = running or (self.app is not None and (writing or create))
        executors = self.registry() if imported else None
        # A process believes only checkpoints of its own, and a command ends before it would read one.
        return open_ledger(self.store or DEFAULT_STORE, executors, create=create, checkpoint_every=None)

    def registry(self) -> ExecutorRegistry:
        """The application's executors. Raises InvalidRequest."""
        if self.app is None:
            raise InvalidRequest(
                "running steps needs your executors: name their registry with --app module:registry or FLOWLEDGER_APP"
            )
        return load_registry(self.app)

    def answer(self, document: Any, show: Callable[[Console], None], *, written: str | Path | None = None) -> None:
        """Print the one answer of a command: the document as JSON, or what ``show`` makes of it for people.

        On stdout, unless a file was ``written`` there (``/dev/stdout``), in which the answer would stand too.
        """
        out = sys.stderr if written is not None and is_stdout(written) else self.stdout
        if self.json:
            self.print_json(document, out)
        else:
            show(_console(out))

    def print_csv(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], more: str | None = None) -> None:
        """A list for other programs, as in a file of it. ``more`` is how it goes on.

        Raises InvalidRequest where --json is asked for as well.
        """
        if self.json:
            raise InvalidRequest("--json and --csv are two answers: ask for one of them")
        # A terminal is shown it; another program gets every value as it is.
        write_csv(self.stdout if self.stdout.isatty() else below(self.stdout), columns, rows)
        if more is not None:
            print(f"more: {more}", file=sys.stderr)

    def print_json(self, document: Any, out: TextIO | None = None) -> None:
        """One JSON document, on stdout if nothing else is said."""
        out = out or self.stdout
        out.write(to_json(document) + "\n")
        out.flush()

    def console(self) -> Console:
        """Where people read: stdout, or stderr when stdout belongs to the JSON document."""
        return _console(sys.stderr if self.json else self.stdout)


def _console(stream: TextIO) -> Console:
    from ...presentation.console import console  # rich takes a while to load, and who asks for JSON needs none

    return console(stream)
