"""The streams and consoles through which a command prints: text that was not escaped before is escaped there."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flowledger.infrastructure.interfaces.cli.shared import progress
from flowledger.infrastructure.interfaces.cli.shared.session import Session
from flowledger.infrastructure.interfaces.presentation.console import console
from flowledger.infrastructure.interfaces.presentation.streams import (
    EscapingStream,
    escape_log_lines,
    escaped_streams,
    pass_application_output,
    raw_stream,
)

from .older_names import EVIL
from .test_commands import OBEYED


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def a_screen() -> Iterator[Screen]:
    made = Screen()
    with redirect_stdout(made), redirect_stderr(made):
        yield made


def test_whatever_is_printed_is_shown() -> None:
    with a_screen() as screen, escaped_streams():
        print(EVIL)
        print(EVIL, file=sys.stderr)
        sys.stdout.writelines([EVIL])
        Session(json=False).print_csv(["a"], [[EVIL]], EVIL)
    assert not OBEYED.search(screen.getvalue())
    assert screen.getvalue().count("[/bold]") == 5
    assert not isinstance(sys.stdout, EscapingStream)


def test_what_the_application_prints_is_its_own() -> None:
    with a_screen() as screen, escaped_streams():
        with pass_application_output():
            print("\x1b[32mgreen\x1b[0m")
        print("\x1b[32mshown\x1b[0m")
    assert screen.getvalue() == "\x1b[32mgreen\x1b[0m\n\\x1b[32mshown\\x1b[0m\n"


def test_after_an_error_of_the_application_all_is_shown_again() -> None:
    def fail() -> None:
        with pass_application_output():
            raise ValueError(EVIL)

    with a_screen() as screen, escaped_streams():
        with pytest.raises(ValueError, match="PWNED"):
            fail()
        print(EVIL)
    assert not OBEYED.search(screen.getvalue())


def test_another_program_gets_csv_as_it_is() -> None:
    pipe = io.StringIO()
    with redirect_stdout(pipe), escaped_streams():
        Session(json=False).print_csv(["a"], [[EVIL]])
    assert EVIL in pipe.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_table_title_or_panel_of_the_console_steers(is_terminal: bool) -> None:
    stream: Any = EscapingStream(Screen() if is_terminal else io.StringIO())
    table = Table(title=EVIL, caption=EVIL)
    table.add_column(EVIL)
    table.add_row(EVIL)
    shown = console(stream)
    shown.print(table)
    shown.print(Panel(EVIL, title=Text(EVIL)))
    shown.print(EVIL, style="red")
    shown.out(EVIL)
    printed = raw_stream(stream).getvalue()  # type: ignore[attr-defined]
    colours = printed.replace("\x1b[", "") if is_terminal else printed
    assert not OBEYED.search(colours)
    assert ("\x1b[31m" in printed) == is_terminal, "rich's own colours stay"
    assert "[/bold]" in printed
    assert "]0;PWNED\x07" not in printed


def test_a_title_of_progress_is_neither_markup_nor_a_form() -> None:
    title = "[/bold]{0}\x1b]0;PWNED\x9b"
    with a_screen() as screen:
        with progress.progress_bar(title) as tell:
            tell(0.5)
        with progress.progress_counter(title) as count:
            count(7)
    printed = screen.getvalue()
    assert "\x1b]0;" not in printed
    assert "\x9b" not in printed
    assert "[/bold]" in printed
    assert "{0}" in printed


def test_a_log_line_that_nobody_set_up_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    handler: Any = logging._StderrHandler(logging.WARNING)  # type: ignore[attr-defined]
    monkeypatch.setattr(logging, "lastResort", handler)
    escape_log_lines()
    with a_screen() as screen:
        handler.handle(logging.LogRecord("flowledger", logging.WARNING, __file__, 1, "got %s", (EVIL,), None))
    assert not OBEYED.search(screen.getvalue())
    assert "\nFORGED" not in screen.getvalue()
