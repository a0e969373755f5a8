"""The streams and the terminal size that a command is started with, made fit to be used."""

import os
import select
import sys
from collections.abc import Mapping
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

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
