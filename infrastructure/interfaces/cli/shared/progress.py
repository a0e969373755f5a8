"""Progress of long work, on stderr; silent where that is no terminal."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str) -> Generator[Callable[[float], None]]:
    """Gives a function to call with the part that is done, 0 to 1."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    from ...presentation.console import console

    with Progress(*columns, console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def progress_counter(what: str) -> Generator[Callable[[int], None]]:
    """The same where the total isn't known: gives a function to call with the number done."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from ...presentation.console import console

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} {task.description}", markup=False))
    with Progress(*columns, console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done: progress.update(task, completed=done)
