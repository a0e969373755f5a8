"""The streams and the terminal size that a command is started with, made fit to be used.

All that a command prints goes through ``Shown``: what is recorded, typed or read from files comes from anywhere, and no
terminal may obey it. Past it go only rich's colours, CSV for other programs, and the application's own code.
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
"""Columns and lines that are asked for are brought between these: below, names would be cut off; above, the blanks at
the ends of lines would need more memory than what is said."""


class OutputLost(Exception):
    """What a command has to say can't be written to stdout.

    No OSError, which the libraries between us and the stream would take for their own, and end with status 1.
    """

    def __init__(self, error: OSError) -> None:
        self.error = error
        super().__init__(f"can't write to stdout: {error.strerror}; what the command did is done")


class _Answers(FileIO):
    """Stdout: says so when something couldn't be written."""

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:  # whoever started us made it not wait
                select.select([], [self], [])
            return written
        except OSError as error:
            raise OutputLost(error) from error


class _Messages(FileIO):
    """Stderr: a message that nobody can read changes nothing."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


class Shown:
    """A text stream on which control characters are shown as escapes. Line feeds and tabs stay."""

    def __init__(self, stream: TextIO) -> None:
        self.below = stream
        """The same without escapes."""
        self.passes_all = False

    def write(self, text: str) -> int:
        self.below.write(text if self.passes_all else visible_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


def below(stream: TextIO) -> TextIO:
    """The stream that takes everything as it is, for who escapes what is shown himself, and for other programs."""
    return stream.below if isinstance(stream, Shown) else stream


@contextmanager
def application_prints() -> Generator[None]:
    """For a block that runs the application's code: what it prints, colours and all, is not ours to change."""
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, Shown)]
    before = [stream.passes_all for stream in streams]
    for stream in streams:
        stream.passes_all = True
    try:
        yield
    finally:
        for stream, passed in zip(streams, before, strict=True):
            stream.passes_all = passed


@contextmanager
def shown_streams() -> Generator[None]:
    """Nothing that is printed within the block steers a terminal; nor does the traceback that may come of it."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, Shown) else cast("TextIO", Shown(stream)) for stream in streams
    )
    yield
    sys.stdout, sys.stderr = streams  # not after an error: Python has to tell it


def settle_streams() -> None:
    """Make stdin, stdout and stderr what the commands rely on, whatever they are when the process starts."""
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
        sys.stdout = _text(_Answers(1, "wb", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Messages(2, "wb", closefd=False), sys.stderr)
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


class _ShownLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible_lines(super().format(record)).replace("\n", "\n    ")  # no text begins a line of its own


def settle_log_lines() -> None:
    """What goes to stderr where the application has set up no logging steers no terminal either."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_ShownLines())


def give_up_stdout() -> None:
    """What is still waiting to be written is not tried again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def settle_terminal_size() -> None:
    """Have COLUMNS and LINES say numbers that make sense, or nothing: every library reads them in its own way."""
    for name in ("COLUMNS", "LINES"):
        if name in os.environ:
            size = size_asked(name)
            if size is None:
                del os.environ[name]
            else:
                os.environ[name] = str(size)


def size_asked(name: str, environment: Mapping[str, str] = os.environ) -> int | None:
    """The size that COLUMNS or LINES asks for, brought between the bounds; None for what is no size."""
    digits = environment.get(name, "").strip()
    if not (digits.isascii() and digits.isdigit()) or not (digits := digits.lstrip("0")):
        return None
    return WIDEST if len(digits) > len(str(WIDEST)) else max(NARROWEST, min(int(digits), WIDEST))
