"""What may be done with what a page shows: as buttons, each of which leads to the page of its act."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ......domain.status import ENDED
from ......domain.workflow import WorkflowSnapshot
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


def workflow_acts(call: Call, workflow: WorkflowSnapshot) -> tuple[ActLink, ...]:
    """What who asks may do with a version of a workflow: an old snapshot isn't run, and may be made live again."""
    id, number = workflow.workflow_id, workflow.version
    acts: list[ActLink] = []
    if call.ledger.workflows.get(id).archived:
        return (ActLink("Restore…", "repro", call.links("restore", id=id), True),) if call.may("admin") else ()
    if call.may("operator") and (workflow.is_live or workflow.is_latest):
        version = None if workflow.is_live else number
        acts.append(ActLink("Run…", "play", call.links("start", id=id, version=version), workflow.is_live, "r"))
    if call.may("editor") and not workflow.is_live:
        url = call.links("release-version", id=id, version=number)
        acts.append(ActLink("Release…", "check", url, workflow.is_latest))
    if call.may("admin") and not workflow.is_latest:
        acts.append(ActLink("Bring back…", "repro", call.links("restore", id=id, version=number)))
    if call.may("editor") and workflow.is_latest:
        acts.append(ActLink("Rename…", "pen", call.links("rename", id=id)))
    if call.may("admin") and workflow.is_latest:
        acts.append(ActLink("Archive…", "lock", call.links("archive", id=id)))
    return tuple(acts)


def run_acts(call: Call, run: Run) -> tuple[ActLink, ...]:
    """What who asks may do with a run as it stands, what is most wanted first; nothing without the role."""
    if not call.may("operator"):
        return ()

    def link(name: str, words: str, icon: str, *, primary: bool = False, key: str | None = None) -> ActLink:
        return ActLink(words, icon, call.links(name, run=run.id), primary, key)

    kept = (link("retention", "Legal hold…", "lock"),) if call.may("admin") else ()
    again = (link("reproduce", "Reproduce…", "repro"), link("fork", "Fork…", "fork"), *kept)
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
