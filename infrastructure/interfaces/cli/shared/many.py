"""Bulk work of commands: each run of a selection, by processes of our own or by an executor's workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, TypeVar, cast

from .....domain.errors import InvalidRequest
from ...presentation.inputs import load_executor
from ...presentation.streams import stdout_of_children_on_stderr
from .progress import progress_bar
from .session import Interrupted

_Done = TypeVar("_Done")


class Spread:
    """How the work is spread. Raises InvalidRequest for options that exclude each other."""

    def __init__(self, on: str | None, workers: int | None, chunk: int | None) -> None:
        if on is not None and workers is not None:
            raise InvalidRequest("--workers are processes of this command; an executor (--on) has its own")
        if on is None and chunk is not None:
            raise InvalidRequest("--chunk goes with --on")
        self.options: dict[str, Any] = {"workers": workers}
        """As arguments of the ledger's methods."""
        if on is not None:
            self.options["executor"] = load_executor(on)
        if chunk is not None:
            self.options["chunk"] = chunk


def collect(outcomes: Iterator[_Done], count: int, title: str) -> list[_Done]:
    """All outcomes, with a progress bar. Raises Interrupted, and what the work raises."""
    done: list[_Done] = []
    with stdout_of_children_on_stderr(), progress_bar(title) as advance, closing(cast("Any", outcomes)):
        try:
            for outcome in outcomes:
                done.append(outcome)
                advance(len(done) / count)
        except KeyboardInterrupt as interrupt:
            raise Interrupted(f"interrupted after {len(done)} of {count} runs") from interrupt
    return done
