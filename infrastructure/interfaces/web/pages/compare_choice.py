"""With which other run to compare one: the last good one, those of its work order, the last of its workflow, any id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .....projections.runs.run import Run
from .....projections.runs.summary import RunSummary
from ...presentation.documents import row_document
from ..rendering.versions import ShownVersion
from .page import Page, Redirect
from .query import check_names
from .readable_run import last_good_run
from .version_facts import read_versions

if TYPE_CHECKING:
    from ..requests import Call

MOST: Final = 20
"""Runs of the workflow that are offered, the newest."""


class Choice(NamedTuple):
    """A run that may be compared with."""

    run: RunSummary
    why: str
    """What it is to the run; empty for one of the same workflow."""
    chip: ShownVersion | None


@dataclass(frozen=True, slots=True)
class CompareChoice:
    """What may be compared with a run."""

    run: Run
    choices: tuple[Choice, ...]
    """What is most likely wanted first."""


def load(call: Call) -> CompareChoice:
    """Raises RunNotFound, InvalidRequest."""
    check_names(call.query, ())
    run = call.ledger.runs.get(call.part("run"))
    found = dict(_related(call, run))
    chips = read_versions(call.ledger, [(row.workflow_id, row.workflow_version) for row in found])
    return CompareChoice(
        run,
        tuple(Choice(row, why, chips.get((row.workflow_id, row.workflow_version))) for row, why in found.items()),
    )


def _related(call: Call, run: Run) -> Iterable[tuple[RunSummary, str]]:
    """Each once, with the first reason why it is offered."""
    seen = {run.id}
    good = last_good_run(call.ledger, run)
    recent = list(call.ledger.history.runs(workflow_id=run.workflow_id, limit=MOST))
    order = [row for row in recent if row.work_order_id == run.work_order_id]
    for rows, why in (
        ([good] if good else [], f"the last good one of version {run.workflow_version}"),
        (order, "of the same work order"),
        (recent, ""),
    ):
        for row in rows:
            if row.id not in seen:
                seen.add(row.id)
                yield row, why


def choose(call: Call) -> Redirect:
    """Lead to the comparison with the run whose id was typed. Raises RunNotFound, InvalidRequest."""
    other = call.ledger.runs.get(call.form.get("other", "").strip())
    return Redirect(call.links("compare", run=other.id, other=call.part("run")))


def to_document(page: CompareChoice) -> dict[str, Any]:
    """The runs that are offered."""
    return {"runId": page.run.id, "choices": [{**row_document(each.run), "why": each.why} for each in page.choices]}


PAGES: Final = (
    Page("/runs/{run}/compare", "compare-with", "viewer", load, "compare_choice.html", to_document, choose, "viewer"),
)
