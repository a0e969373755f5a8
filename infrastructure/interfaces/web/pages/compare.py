"""Two runs side by side: where they part, and what each did from there on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

from .....projections.comparison.runs_model import ComparedRun, ComparedStep, RunComparison
from ..rendering.versions import ShownVersion
from ..rendering.words import count
from .copy_as import CopyAs, command_line, python_call
from .page import Page
from .query import check_names, flag
from .version_facts import read_versions

if TYPE_CHECKING:
    from ..requests import Call


Cause = Literal["input", "definition", "code", "nothing"]
_EXPLAINED: Final[Mapping[Cause, str]] = {
    "input": "got other input",
    "definition": "had another definition",
    "code": "ran other code",
    "nothing": "came out otherwise with the same input",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    word: str
    """``Left`` or ``Right``."""
    run: ComparedRun
    chip: ShownVersion | None


@dataclass(frozen=True, slots=True)
class Alike:
    """Steps that both runs took alike, one after another."""

    steps: tuple[ComparedStep, ...]

    @property
    def node_ids(self) -> tuple[str, ...]:
        """Their nodes, each once."""
        return tuple(dict.fromkeys(step.node_id for step in self.steps))


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Two runs, compared."""

    comparison: RunComparison
    sides: tuple[Side, Side]
    rows: tuple[ComparedStep | Alike, ...]
    """The steps in order; what is alike is folded, unless all are asked for."""
    parted: ComparedStep | None
    """The step at which they part."""
    unfolded: bool
    fold: str
    """The address of the same page, folded or not."""
    swapped: str
    ways: CopyAs

    @property
    def sentence(self) -> str:
        """Where they part, in one sentence."""
        if self.comparison.parted is None:
            return "They took the same steps."
        first = str(self.comparison.parted).splitlines()[0]
        return f"They {first}." if first.startswith("parted") else first

    @property
    def same(self) -> str:
        """What the two have in common, or not, besides."""
        definition = "Other definitions" if self.comparison.workflow else "Same definition"
        code = any(step.code_changed for step in self.comparison.steps)
        return f"{definition}, {'other' if code else 'same'} code."

    @staticmethod
    def cause(step: ComparedStep) -> Cause | None:
        """What explains that a step went otherwise; None where it didn't, or only one of the runs has it."""
        if step.alike or step.a is None or step.b is None:
            return None
        if any(change.path.startswith(("input", "payload")) for change in step.changes):
            return "input"
        return "definition" if step.node_changed else "code" if step.code_changed else "nothing"

    @property
    def explained(self) -> str:
        """How many steps went otherwise for a reason that is on record, and how many for none."""
        causes = Counter(map(self.cause, self.comparison.steps))
        said = [f"{count(causes[cause], 'step')} {words}" for cause, words in _EXPLAINED.items() if causes[cause]]
        return f"Of those in both, {', '.join(said)}." if said else ""


def load(call: Call) -> ComparePage:
    """The comparison of the run in the address with the other one. Raises RunNotFound, InvalidRequest."""
    query, ledger = call.request.query_params, call.ledger
    check_names(query, {"all"})
    a, b = call.request.path_params["run"], call.request.path_params["other"]
    comparison = ledger.history.compare(a, b, ignore="times")
    versions = [(run.workflow_id, run.workflow_version) for run in (comparison.a, comparison.b)]
    chips = read_versions(ledger, versions)
    unfolded = flag(query, "all") or False
    parting = comparison.parted
    parted = None if parting is None or parting.alike >= len(comparison.steps) else comparison.steps[parting.alike]
    return ComparePage(
        comparison=comparison,
        sides=(
            Side("Left", comparison.a, chips.get(versions[0])),
            Side("Right", comparison.b, chips.get(versions[1])),
        ),
        rows=comparison.steps if unfolded else tuple(_fold(comparison)),
        parted=parted,
        unfolded=unfolded,
        fold=call.links("compare", run=a, other=b, all=None if unfolded else "yes"),
        swapped=call.links("compare", run=b, other=a),
        ways=CopyAs(
            call.links.data("compare", run=a, other=b),
            command_line(("diff", a, b), {"ignore": "times"}),
            python_call("history.compare", {"ignore": "times"}, a, b),
        ),
    )


def _fold(comparison: RunComparison) -> Iterator[ComparedStep | Alike]:
    for alike, steps in groupby(comparison.steps, lambda step: step.alike):
        if alike:
            yield Alike(tuple(steps))
        else:
            yield from steps


def to_document(page: ComparePage) -> dict[str, Any]:
    """The comparison as the command line's ``--json`` has it."""
    return page.comparison.to_data()


PAGES = (Page("/runs/{run}/compare/{other}", "compare", "viewer", load, "compare.html", to_document),)
