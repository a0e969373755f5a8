"""The keys of a walk."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = """\
→ ←             the next version, the one before
↓ ↑ PgDn PgUp   move in a pane; Home End: its ends
Tab             the next pane; in a narrow terminal it takes
                the place of the one below the events
f F             the next failure, the one before
p P             the next pause, the one before
h H             the next step that took a handle, the one before
:               go to a version, as :120,
                or a time, as :2026-01-02T03:04
@               the same
/ n N           find a text in values; again; backwards
Enter           fold or unfold
c               copy what the pane shows, as JSON
Esc             leave a question, stop a search
q               quit

End in the events follows a run that still goes on."""


class Help(ModalScreen[None]):
    """Closed by Esc, q, ? or a click."""

    CSS = """
    Help { align: center middle; }
    Help > Static { width: auto; height: auto; max-width: 100%; border: round $accent; padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,enter,space", "dismiss")]

    def compose(self) -> ComposeResult:
        yield Static(KEYS, markup=False)

    def on_click(self) -> None:
        """Close it."""
        self.dismiss()
