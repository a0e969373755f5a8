"""What may be done with what a page shows: as buttons, each of which leads to the page of its act."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ......domain.status import ENDED
from ......projections.runs.run import Run

if TYPE_CHECKING:
    from ...requests import Call


class ActLink(NamedTuple):
    """A button."""

    words: str
    icon: str
    url: str
    is_primary: bool = False
    key: str | None = None
    """That does the same as a click."""


def run_acts(call: Call, run: Run) -> tuple[ActLink, ...]:
    """What who asks may do with a run as it stands, what is most wanted first; nothing without the role."""
    if not call.may("operator"):
        return ()

    def link(name: str, words: str, icon: str, *, primary: bool = False, key: str | None = None) -> ActLink:
        return ActLink(words, icon, call.links(name, run=run.id), primary, key)

    again = (link("reproduce", "Reproduce…", "repro"), link("fork", "Fork…", "fork"))
    if run.status in ENDED:
        node = run.snapshot.current_node_id if run.status == "failed" else None
        retry = ActLink("Retry…", "retry", call.links("retry", run=run.id, **{"from": node}), True, "r")
        return (retry, *again)
    cancel = link("cancel", "Cancel…", "stop")
    if run.held is not None:
        return (link("release", "Release…", "play", primary=True), cancel, *again)
    hold = link("hold", "Hold…", "held")
    if run.status == "paused":
        is_late = bool(run.waits) and run.waits[0].until is not None and run.waits[0].until <= call.now
        late = (link("proceed", "Go on without an answer…", "play"),) if is_late else ()
        answer = ActLink("Answer…", "person", call.links("waits", wait=run.waits[0].id if run.waits else None), True)
        return (answer, hold, cancel, *late, *again)
    proceed = link("proceed", "Retry now…" if run.status == "error" else "Proceed…", "play")
    return (proceed, hold, cancel, *again) if run.status == "error" else (hold, cancel, proceed, *again)
