"""Preparing the standard streams and the terminal size for a command.

Everything that a command prints goes through ``EscapingStream``: recorded texts, arguments and files may hold control
characters. Only rich's colours, CSV for other programs, and the application's own output bypass it.
"""

import logging
import os
import select
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO, cast

from ....domain.visible import visible_lines

WIDTH = 120
"""Columns where there is no terminal to ask."""

NARROWEST, WIDEST = 60, 10_000
"""Bounds of the requested columns and lines: below, names would be cut off; above, the blanks at the ends of lines
would need more memory than the text."""


class OutputLost(Exception):
    """The answer of a command can't be written to stdout.

    It is no OSError: the libraries between the command and the stream would handle that, and exit with status 1.
    """

    def __init__(self, error: OSError) -> None:
        self.error = error
        super().__init__(f"can't write to stdout: {error.strerror}; what the command did is done")


class _Stdout(FileIO):
    """Stdout: raises OutputLost when something can't be written."""

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:  # the parent process made the stream non-blocking
                select.select([], [self], [])
            return written
        except OSError as error:
            raise OutputLost(error) from error


class _Stderr(FileIO):
    """Stderr: a message that can't be written is dropped."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


class EscapingStream:
    """A text stream that escapes control characters. Line feeds and tabs stay."""

    def __init__(self, stream: TextIO) -> None:
        self.raw = stream
        """The stream without escaping."""
        self.passes_all = False

    def write(self, text: str) -> int:
        self.raw.write(text if self.passes_all else visible_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def raw_stream(stream: TextIO) -> TextIO:
    """The stream without escaping: for a console that escapes by itself, and for other programs."""
    return stream.raw if isinstance(stream, EscapingStream) else stream


@contextmanager
def pass_application_output() -> Generator[None]:
    """For a block that runs the application's code: its output passes unchanged, colours included."""
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, EscapingStream)]
    before = [stream.passes_all for stream in streams]
    for stream in streams:
        stream.passes_all = True
    try:
        yield
    finally:
        for stream, passed in zip(streams, before, strict=True):
            stream.passes_all = passed


@contextmanager
def stdout_of_children_on_stderr() -> Generator[None]:
    """For a block that starts processes: what they print must not get between the answers on stdout."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def escaped_streams() -> Generator[None]:
    """Escape everything that is printed within the block, and the traceback of an error that ends it."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, EscapingStream) else cast("TextIO", EscapingStream(stream)) for stream in streams
    )
    yield
    sys.stdout, sys.stderr = streams  # not after an error: Python still has to print it


def prepare_streams() -> None:
    """Make stdin, stdout and stderr usable, whatever they are when the process starts."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file that is opened, which may be the store, would get this number, and what is printed would be
            # written into it. Opened the other way round, as it is to be used neither for reading nor for writing.
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - for as long as the process lasts
    if sys.stdout is sys.__stdout__:
        if sys.stdout is not None:
            sys.stdout.flush()  # what was printed before comes before
        sys.stdout = _text(_Stdout(1, "wb", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Stderr(2, "wb", closefd=False), sys.stderr)
        sys.stderr.reconfigure(line_buffering=True)


def _text(raw: FileIO, before: TextIO | None) -> TextIOWrapper:
    is_immediate = isinstance(before, TextIOWrapper) and before.write_through
    return TextIOWrapper(
        BufferedWriter(raw),
        encoding=before.encoding if before is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=raw.isatty(),
        write_through=is_immediate,
    )


class _EscapingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record)).replace(
            "\n", "\n    "
        )  # so that no text can imitate a line of the log


def escape_log_lines() -> None:
    """Escape log lines that go to stderr because the application has set up no logging."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_EscapingFormatter())


def discard_stdout() -> None:
    """Keep Python from writing what is still buffered again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def bound_terminal_size() -> None:
    """Set COLUMNS and LINES to numbers within bounds, or unset them: every library reads them in its own way."""
    for name in ("COLUMNS", "LINES"):
        if name in os.environ:
            size = requested_size(name)
            if size is None:
                del os.environ[name]
            else:
                os.environ[name] = str(size)


def requested_size(name: str, environment: Mapping[str, str] = os.environ) -> int | None:
    """The size that COLUMNS or LINES requests, limited to the bounds; None for what is no size."""
    digits = environment.get(name, "").strip()
    if not (digits.isascii() and digits.isdigit()) or not (digits := digits.lstrip("0")):
        return None
    return WIDEST if len(digits) > len(str(WIDEST)) else max(NARROWEST, min(int(digits), WIDEST))
