"""The two lines at the top: the run, its version, and the state there."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from ....domain.errors import FlowledgerError
from ....domain.workflow import WorkflowSnapshot
from ...services.history.walk import RunWalk
from ..presentation.console import clock_time, status_text, text


class PositionBar(Static):
    """Shows a version of a run: its status and node, who recorded it and when."""

    def __init__(self, walk: RunWalk, workflow: WorkflowSnapshot) -> None:
        super().__init__(id="position")
        self._walk = walk
        self._workflow = workflow

    def show(self, version: int, *, follows: bool) -> None:
        """Show a version; an error in place of what can't be read of it."""
        workflow = text(f"{self._workflow.workflow_id}@{self._workflow.version}")
        following = ("  following", "green") if follows else ""
        run = Text.assemble("run ", text(self._walk.run_id, "bold"), " of ", workflow, following)
        place = Text.assemble("version ", (f"{version:,}", "bold"), f" of {self._walk.head:,}")
        self.update(Text.assemble(run, "\n", place, self._describe_state(version), no_wrap=True, overflow="ellipsis"))

    def _describe_state(self, version: int) -> Text:
        try:
            snapshot, event = self._walk.snapshot(version), self._walk.event(version)
        except FlowledgerError as error:
            return Text.assemble("  ", text(error, "bold red"))
        node = "" if snapshot.current_node_id is None else f" at {snapshot.current_node_id}"
        recorded = text(f"  {clock_time(event.recorded_at)} by ")
        return Text.assemble("  ", status_text(snapshot.status), text(node), recorded, text(event.by))
