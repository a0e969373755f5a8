"""The full-screen program: events, state, changes and graph of a run, side by side at one version."""

from __future__ import annotations

import signal
from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event as Flag
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Container
from textual.filter import LineFilter
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Footer, Input, Static
from textual.worker import get_current_worker

from ....domain.errors import FlowledgerError
from ....domain.ports import RecordedEvent
from ....domain.visible import visible_lines
from ....domain.workflow import WorkflowSnapshot
from ...services.history.walk import FAILURES, PAUSES, RunWalk
from ..presentation.console import clock_time, status_text, text
from ..presentation.documents import to_json
from .find import find_version, mentions, takes_handle
from .help import Help
from .pane import Pane
from .panes import ChangesPane, EventsPane, GraphPane, StatePane, VersionPane

WIDE = 120
"""Columns from which on all panes stand side by side; in a narrower terminal one of three stands below the events."""
LATER = 0.25
"""Seconds between looks for what was appended to the run."""
MANY = 75_000
"""Bytes from which on many terminals take no copy."""


class Shown(LineFilter):
    """Shows control characters as escapes, in whatever widget, border or message they are about to be drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - textual's name for it
        return [
            segment if segment.control else segment._replace(text=visible_lines(segment.text)) for segment in segments
        ]


Fits = Callable[[RecordedEvent], bool]


_SHOWN = Shown()


class WalkApp(App[None]):
    """Walks through one run."""

    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = "#events"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - textual types it as the instance's

    CSS = """
    #where { height: 2; padding: 0 1; }
    #said, #asked { height: 1; padding: 0 1; border: none; }
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

    class Found(Message):
        """A search came to an event."""

        def __init__(self, version: int) -> None:
            super().__init__()
            self.version = version

    class Told(Message):
        """There is something to say."""

        def __init__(self, message: str, style: str = "") -> None:
            super().__init__()
            self.message = text(message, style)

    class Grown(Message):
        """The run has more events than before."""

    def __init__(self, walk: RunWalk, workflow: WorkflowSnapshot, version: int) -> None:
        super().__init__()
        self._walk = walk
        self._workflow = workflow
        self._began_at = version
        self._wanted = ""
        self._follows = False
        self._done = Flag()
        self._events = EventsPane(walk)
        self._below: list[VersionPane] = [StatePane(walk), ChangesPane(walk), GraphPane(walk, workflow)]
        self._all: list[VersionPane] = [self._events, *self._below]
        self._where = Static(id="where")
        self._said = Static(id="said")
        self._asked = Input(id="asked", compact=True, select_on_focus=False)
        self._asked.display = False
        self._asker: Widget | None = None

    def compose(self) -> ComposeResult:
        state, changes, graph = self._below
        for pane in self._below:
            pane.add_class("below")
        changes.add_class("shown")
        yield self._where
        yield Container(self._events, state, graph, changes, id="panes")
        yield self._said
        yield self._asked
        yield Footer(compact=True)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The last one sees what the terminal would get."""
        return [*super().get_line_filters(), _SHOWN]

    def on_mount(self) -> None:
        """Begin: at the version that was asked for, and with what goes on meanwhile."""
        if not self.is_headless:
            for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                get_running_loop().add_signal_handler(wanted, partial(self.exit, return_code=128 + wanted))
        self.version = self._began_at
        self._read_ahead()
        self._keep_following()

    def on_unmount(self) -> None:
        """Let the one who follows the run go."""
        self._done.set()

    # --- where ---------------------------------------------------------------------------------------------------

    def watch_version(self) -> None:
        """All panes show the same version."""
        self._follows = self._follows and self.version == self._walk.head
        for pane in self._all:
            pane.go(self.version)
        self._tell_where()

    def _tell_where(self) -> None:
        workflow = text(f"{self._workflow.workflow_id}@{self._workflow.version}")
        follows = ("  following", "green") if self._follows else ""
        run = Text.assemble("run ", text(self._walk.run_id, "bold"), " of ", workflow, follows)
        version = Text.assemble("version ", (f"{self.version:,}", "bold"), f" of {self._walk.head:,}")
        try:
            snapshot, event = self._walk.snapshot(self.version), self._walk.event(self.version)
            node = "" if snapshot.current_node_id is None else f" at {snapshot.current_node_id}"
            stands = Text.assemble(
                "  ", status_text(snapshot.status), text(node), f"  {clock_time(event.recorded_at)} by ", text(event.by)
            )
        except FlowledgerError as error:
            stands = Text.assemble("  ", text(error, "bold red"))
        where = Text.assemble(run, "\n", version, stands, no_wrap=True, overflow="ellipsis")
        self._where.update(where)

    def on_pane_moved(self, moved: Pane.Moved) -> None:
        """The cursor among the events is the version."""
        if moved.pane is self._events:
            self.version = moved.line + 1

    def on_pane_ended(self, ended: Pane.Ended) -> None:
        """The end of the events moves while the run goes on; so does who stands there."""
        if ended.pane is self._events:
            self._follows = True
            self.version = self._walk.head
            self._tell_where()

    def action_step(self, versions: int) -> None:
        """Go forwards or backwards."""
        self.version = max(1, min(self.version + versions, self._walk.head))

    def action_turn_to(self, panes: int) -> None:
        """Turn to another pane; in a narrow terminal it takes the place of the one below the events."""
        place = next((at for at, pane in enumerate(self._all) if pane.has_focus), 0)
        pane = self._all[(place + panes) % len(self._all)]
        if pane is not self._events:
            for other in self._below:
                other.set_class(other is pane, "shown")
        pane.focus()

    # --- jumps and searches --------------------------------------------------------------------------------------

    def action_jump(self, what: str, backwards: bool) -> None:
        """Go to the next failure, pause or handle, or to the one before."""
        if what == "handle":
            self._search(takes_handle, "step that took a handle", backwards)
            return
        types = FAILURES if what == "failure" else PAUSES
        self._arrive(self._walk.next_of(types, self.version, backwards=backwards), what, backwards)

    def action_again(self, backwards: bool) -> None:
        """Find the text again."""
        if self._wanted:
            self._search(partial(mentions, wanted=self._wanted), f"event with {self._wanted!r}", backwards)
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
                    self.post_message(self.Found(event.version))
                    return
            self.post_message(self.Told(_nothing(what, version, backwards)))
        except FlowledgerError as error:
            self.post_message(self.Told(str(error), "bold red"))

    def on_walk_app_found(self, found: Found) -> None:
        """Go there."""
        self._say(Text())
        self.version = found.version

    def _arrive(self, version: int | None, what: str, backwards: bool) -> None:
        if version is None:
            self._say(text(_nothing(what, self.version, backwards)))
        else:
            self._say(Text())
            self.version = version

    # --- questions and answers -----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a question is answered its keys are part of the answer; below the help nothing moves."""
        if action in ("ask", "turn_to"):
            return not self._asked.display if len(self.screen_stack) == 1 else None
        return super().check_action(action, parameters)

    def action_ask(self, sign: str) -> None:
        """Ask for a version or time, or for a text to find."""
        self._asker = self.focused
        self._asked.value = sign
        self._ask(True)
        self.screen.set_focus(self._asked)  # at once: the next key is for it
        self._asked.action_end()

    @on(Input.Submitted, "#asked")
    def _answered(self, answer: Input.Submitted) -> None:
        self.action_leave()
        asked = answer.value.strip()
        if asked.startswith("/"):
            self._wanted = asked.removeprefix("/") or self._wanted
            if self._wanted:
                self.action_again(False)
        elif asked.strip(":@"):
            try:
                self.version = find_version(self._walk, asked)
                self._say(Text())
            except FlowledgerError as error:
                self._say(text(error, "bold red"))

    def action_leave(self) -> None:
        """Leave a question, stop a search."""
        self.workers.cancel_group(self, "search")
        self._say(Text())
        if self._asked.display:
            self._ask(False)
            self.screen.set_focus(self._asker)

    def _ask(self, asking: bool) -> None:
        self._asked.display, self._said.display = asking, not asking

    def action_copy(self) -> None:
        """Copy what the pane shows, as JSON, the way that terminals know."""
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
            doubt = ", which is more than many terminals take" if size > MANY else ""
            self._say(text(f"copied {what}: {size:,} bytes{doubt}"))

    def action_help(self) -> None:
        """Tell the keys."""
        self.push_screen(Help())

    def on_walk_app_told(self, told: Told) -> None:
        """Say it."""
        self._say(told.message)

    def _say(self, message: Text) -> None:
        self._said.update(message)

    # --- what goes on meanwhile ----------------------------------------------------------------------------------

    @work(thread=True, group="ahead")
    def _read_ahead(self) -> None:
        worker = get_current_worker()
        try:
            for _ in self._walk.read_results():
                if worker.is_cancelled or self._done.is_set():
                    return
        except FlowledgerError:  # told by the pane of whoever looks at that result
            return

    @work(thread=True, group="follow")
    def _keep_following(self) -> None:
        failed = False
        while not self._done.wait(LATER):
            try:
                if self._walk.follow():
                    self.post_message(self.Grown())
                if failed:
                    self.post_message(self.Told(""))
                failed = False
            except FlowledgerError as error:
                failed = True
                self.post_message(self.Told(f"can't follow the run: {error}", "bold red"))

    def on_walk_app_grown(self) -> None:
        """There is more to see; who stands at the end goes along."""
        if self._follows:
            self.version = self._walk.head
        else:
            self._events.renew()
            self._tell_where()


def _nothing(what: str, version: int, backwards: bool) -> str:
    return f"no {what} {'before' if backwards else 'after'} version {version:,}"
