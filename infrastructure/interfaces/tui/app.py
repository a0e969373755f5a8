"""The full-screen program: events, state, changes and graph of a run, side by side at one version."""

from __future__ import annotations

import signal
from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event as Flag
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Footer, Input, Static
from textual.worker import get_current_worker

from ....domain.errors import FlowledgerError
from ....domain.ports import RecordedEvent
from ....domain.workflow import WorkflowSnapshot
from ...services.history.walk import FAILURES, PAUSES, RunWalk
from ..presentation.console import text
from ..presentation.documents import to_json
from .escaping import ESCAPING
from .find import find_version, mentions, takes_handle
from .help import Help
from .messages import Found, Notice, RunGrew
from .pane import Pane
from .panes import ChangesPane, EventsPane, GraphPane, StatePane, VersionPane
from .position import PositionBar

WIDE = 120
"""Columns from which on all panes are side by side; in a narrower terminal one of three is below the events."""
POLL_INTERVAL = 0.25
"""Seconds between checks for new events of the run."""
CLIPBOARD_LIMIT = 75_000
"""Bytes above which many terminals refuse a copy."""


Fits = Callable[[RecordedEvent], bool]


class WalkApp(App[None]):
    """The program: walks through one run."""

    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = "#events"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - textual types it as the instance's

    CSS = """
    #position { height: 2; padding: 0 1; }
    #message, #prompt { height: 1; padding: 0 1; border: none; }
    #panes { layout: grid; height: 1fr; grid-size: 2 2; grid-rows: 3fr 2fr; }
    .-narrow #panes { grid-size: 1 2; grid-rows: 2fr 3fr; }
    .-narrow .below { display: none; }
    .-narrow .below.shown { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "back"),
        Binding("right", "step(1)", "forward"),
        Binding("f", "jump('failure', False)", "failure"),
        Binding("F", "jump('failure', True)", show=False),
        Binding("p", "jump('pause', False)", "pause"),
        Binding("P", "jump('pause', True)", show=False),
        Binding("h", "jump('handle', False)", "handle"),
        Binding("H", "jump('handle', True)", show=False),
        # Before anything else, so that the keys hit right behind them belong to the answer.
        Binding("colon", "ask(':')", "go", key_display=":", priority=True),
        Binding("at", "ask('@')", show=False, priority=True),
        Binding("slash", "ask('/')", "find", key_display="/", priority=True),
        Binding("n", "again(False)", show=False),
        Binding("N", "again(True)", show=False),
        Binding("c", "copy", "copy"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("tab", "turn_to(1)", show=False, priority=True),
        Binding("shift+tab", "turn_to(-1)", show=False, priority=True),
        Binding("escape", "leave", show=False),
    ]

    version: reactive[int] = reactive(0, init=False)

    def __init__(self, walk: RunWalk, workflow: WorkflowSnapshot, version: int) -> None:
        super().__init__()
        self._walk = walk
        self._workflow = workflow
        self._began_at = version
        self._search_text = ""
        self._follows = False
        self._done = Flag()
        self._events = EventsPane(walk)
        self._below: list[VersionPane] = [StatePane(walk), ChangesPane(walk), GraphPane(walk, workflow)]
        self._all: list[VersionPane] = [self._events, *self._below]
        self._position = PositionBar(walk, workflow)
        self._message = Static(id="message")
        self._prompt = Input(id="prompt", compact=True, select_on_focus=False)
        self._prompt.display = False
        self._focus_before: Widget | None = None

    def compose(self) -> ComposeResult:
        state, changes, graph = self._below
        for pane in self._below:
            pane.add_class("below")
        changes.add_class("shown")
        yield self._position
        yield Container(self._events, state, graph, changes, id="panes")
        yield self._message
        yield self._prompt
        yield Footer(compact=True)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The last filter sees what the terminal would get."""
        return [*super().get_line_filters(), ESCAPING]

    def on_mount(self) -> None:
        """Begin at the requested version, and start the work in the background."""
        if not self.is_headless:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                get_running_loop().add_signal_handler(number, partial(self.exit, return_code=128 + number))
        self.version = self._began_at
        self._read_ahead()
        self._follow_run()

    def on_unmount(self) -> None:
        """Stop following the run."""
        self._done.set()

    # --- position ------------------------------------------------------------------------------------------------

    def watch_version(self) -> None:
        """All panes show the same version."""
        self._follows = self._follows and self.version == self._walk.head
        for pane in self._all:
            pane.show_version(self.version)
        self._position.show(self.version, follows=self._follows)

    def on_pane_moved(self, moved: Pane.Moved) -> None:
        """The cursor among the events is the version."""
        if moved.pane is self._events:
            self.version = moved.line + 1

    def on_pane_ended(self, ended: Pane.Ended) -> None:
        """At the end of the events, the version follows the run while it goes on."""
        if ended.pane is self._events:
            self._follows = True
            self.version = self._walk.head
            self._position.show(self.version, follows=self._follows)

    def action_step(self, versions: int) -> None:
        """Go forwards or backwards."""
        self.version = max(1, min(self.version + versions, self._walk.head))

    def action_turn_to(self, panes: int) -> None:
        """Focus another pane; in a narrow terminal it replaces the pane below the events."""
        place = next((at for at, pane in enumerate(self._all) if pane.has_focus), 0)
        pane = self._all[(place + panes) % len(self._all)]
        if pane is not self._events:
            for other in self._below:
                other.set_class(other is pane, "shown")
        pane.focus()

    # --- jumps and searches --------------------------------------------------------------------------------------

    def action_jump(self, what: str, backwards: bool) -> None:
        """Go to the next failure, pause or handle, or to the previous one."""
        if what == "handle":
            self._search(takes_handle, "step that took a handle", backwards)
            return
        types = FAILURES if what == "failure" else PAUSES
        self._arrive(self._walk.next_of(types, self.version, backwards=backwards), what, backwards)

    def action_again(self, backwards: bool) -> None:
        """Find the text again."""
        if self._search_text:
            self._search(partial(mentions, wanted=self._search_text), f"event with {self._search_text!r}", backwards)
        else:
            self.action_ask("/")

    def _search(self, fits: Fits, what: str, backwards: bool) -> None:
        self._say(Text("searching …", "dim"))
        self._seek(self.version, fits, what, backwards)

    @work(thread=True, exclusive=True, group="search")
    def _seek(self, version: int, fits: Fits, what: str, backwards: bool) -> None:
        worker = get_current_worker()
        try:
            for event in self._walk.beyond(version, backwards=backwards):
                if worker.is_cancelled:
                    return
                if fits(event):
                    self.post_message(Found(event.version))
                    return
            self.post_message(Notice(_describe_miss(what, version, backwards)))
        except FlowledgerError as error:
            self.post_message(Notice(str(error), "bold red"))

    def on_found(self, found: Found) -> None:
        """Go there."""
        self._say(Text())
        self.version = found.version

    def _arrive(self, version: int | None, what: str, backwards: bool) -> None:
        if version is None:
            self._say(text(_describe_miss(what, self.version, backwards)))
        else:
            self._say(Text())
            self.version = version

    # --- prompt and messages -------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the prompt is open, keys are part of the answer; while the help is open, nothing moves."""
        if action in ("ask", "turn_to"):
            return not self._prompt.display if len(self.screen_stack) == 1 else None
        return super().check_action(action, parameters)

    def action_ask(self, sign: str) -> None:
        """Open the prompt: for a version or time, or for a text to find."""
        self._focus_before = self.focused
        self._prompt.value = sign
        self._show_prompt(True)
        self.screen.set_focus(self._prompt)  # at once: the next key belongs to the prompt
        self._prompt.action_end()

    @on(Input.Submitted, "#prompt")
    def _submit(self, answer: Input.Submitted) -> None:
        self.action_leave()
        asked = answer.value.strip()
        if asked.startswith("/"):
            self._search_text = asked.removeprefix("/") or self._search_text
            if self._search_text:
                self.action_again(False)
        elif asked.strip(":@"):
            try:
                self.version = find_version(self._walk, asked)
                self._say(Text())
            except FlowledgerError as error:
                self._say(text(error, "bold red"))

    def action_leave(self) -> None:
        """Close the prompt, stop a search."""
        self.workers.cancel_group(self, "search")
        self._say(Text())
        if self._prompt.display:
            self._show_prompt(False)
            self.screen.set_focus(self._focus_before)

    def _show_prompt(self, shown: bool) -> None:
        self._prompt.display, self._message.display = shown, not shown

    def action_copy(self) -> None:
        """Copy what the pane shows, as JSON, to the clipboard of the terminal."""
        pane = self.focused
        if isinstance(pane, VersionPane):
            try:
                what, document = pane.document()
            except FlowledgerError as error:
                self._say(text(error, "bold red"))
                return
            copied = to_json(document)
            self.copy_to_clipboard(copied)
            size = len(copied.encode())
            warning = ", which is more than many terminals take" if size > CLIPBOARD_LIMIT else ""
            self._say(text(f"copied {what}: {size:,} bytes{warning}"))

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    def on_notice(self, notice: Notice) -> None:
        """Show it."""
        self._say(notice.message)

    def _say(self, message: Text) -> None:
        self._message.update(message)

    # --- work in the background ----------------------------------------------------------------------------------

    @work(thread=True, group="ahead")
    def _read_ahead(self) -> None:
        worker = get_current_worker()
        try:
            for _ in self._walk.read_results():
                if worker.is_cancelled or self._done.is_set():
                    return
        except FlowledgerError:  # the pane that shows such a result reports the error
            return

    @work(thread=True, group="follow")
    def _follow_run(self) -> None:
        failed = False
        while not self._done.wait(POLL_INTERVAL):
            try:
                if self._walk.follow():
                    self.post_message(RunGrew())
                if failed:
                    self.post_message(Notice(""))
                failed = False
            except FlowledgerError as error:
                failed = True
                self.post_message(Notice(f"can't follow the run: {error}", "bold red"))

    def on_run_grew(self) -> None:
        """The run has more events; at the end, the version goes along."""
        if self._follows:
            self.version = self._walk.head
        else:
            self._events.reload()
            self._position.show(self.version, follows=self._follows)


def _describe_miss(what: str, version: int, backwards: bool) -> str:
    return f"no {what} {'before' if backwards else 'after'} version {version:,}"
