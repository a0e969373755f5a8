"""A race: the limit, flowledger and the peers do the same work in turn; its rows say how they did."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from .counting import Counts, counted
from .report import Row
from .rounds import Figure, interleaved, speed
from .workers import Opener, Unavailable, Worker


@dataclass(frozen=True)
class Outcome:
    """What came of one contestant: a figure, or why there is none."""

    figure: Figure | None
    why_not: str = ""
    counts: Counts | None = None


@dataclass(frozen=True)
class Race:
    """Outcomes by contestant."""

    outcomes: Mapping[str, Outcome]

    def row(
        self,
        what: str,
        unit: str,
        ours: str,
        limit: str,
        peers: Sequence[str] = (),
        least: float | None = None,
        fault: str = "",
        note: str = "",
    ) -> Row:
        """How ``ours`` did against the limit: it is to reach ``least`` times its speed, and a ``fault`` is a miss."""
        best, mine = self.outcomes[limit].figure, self.outcomes[ours].figure
        if best is None or mine is None:
            why = self.outcomes[limit].why_not or self.outcomes[ours].why_not
            return Row(what, why, _target(least), met=False)
        ratio = speed(mine, best)
        others = {peer: self._beside(peer, best) for peer in peers}
        return Row(
            what,
            str(ratio),
            _target(least),
            met=not fault and (least is None or ratio.median >= least),
            detail="; ".join(filter(None, [f"{mine} per {unit}", self._counts(ours), fault, note])),
            limit=f"{best}; {self._counts(limit)}".removesuffix("; "),
            peers={peer: text for peer, (text, _) in others.items()},
            speeds={ours: ratio.median} | {peer: median for peer, (_, median) in others.items() if median is not None},
            least=least,
        )

    def row_beside_peers(self, what: str, unit: str, ours: str, limit: str, peers: Sequence[str], least: float) -> Row:
        """The same, but ``ours`` is to reach ``least`` times the speed of the best of the peers."""
        row = self.row(what, unit, ours, limit, peers)
        mine, target = self.outcomes[ours].figure, f"≥ {least:.2g} × the best of the others"
        able = {peer: figure for peer in peers if (figure := self.outcomes[peer].figure) is not None}
        if mine is None or not able:
            return replace(row, target=target, met=False, detail=row.detail or "none of the others took part")
        best = min(able, key=lambda peer: able[peer].median)
        ratio = speed(mine, able[best])
        detail = f"{ratio} the speed of {best}; {row.detail}"
        return replace(row, target=target, met=row.met and ratio.median >= least, detail=detail)

    def _beside(self, peer: str, best: Figure) -> tuple[str, float | None]:
        outcome = self.outcomes[peer]
        if outcome.figure is None:
            return outcome.why_not, None
        ratio = speed(outcome.figure, best)
        return "; ".join(filter(None, [str(ratio), self._counts(peer)])), ratio.median

    def _counts(self, name: str) -> str:
        counts = self.outcomes[name].counts
        return "" if counts is None else str(counts)


@dataclass
class Field:
    """The contestants of one race, before it is run."""

    units: int
    """Units of work a round."""
    rounds: int
    openers: dict[str, tuple[Opener, str]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    def enter(self, name: str, opener: Opener, url: str, share: float = 1) -> None:
        """Let a contestant take part. A slow one may do only a ``share`` of the units."""
        self.openers[name] = (opener, url)
        self.weights[name] = share

    def run(self, *, count: int = 0) -> Race:
        """Race, each contestant in a process of its own; then count what ``count`` units cost each besides time."""
        with ExitStack() as stack:
            works: dict[str, Callable[[int], float]] = {
                name: stack.enter_context(Worker(opener, url)) for name, (opener, url) in self.openers.items()
            }
            outcomes = race(works, {name: self._units_of(name) for name in works}, self.rounds)
        if count:
            outcomes = {name: self._counted(name, outcome, count) for name, outcome in outcomes.items()}
        return Race(outcomes)

    def _counted(self, name: str, outcome: Outcome, units: int) -> Outcome:
        return outcome if outcome.figure is None else replace(outcome, counts=counted(*self.openers[name], units))

    def _units_of(self, name: str) -> int:
        return max(1, round(self.units * self.weights[name]))


def race(works: Mapping[str, Callable[[int], float]], units: Mapping[str, int], rounds: int) -> dict[str, Outcome]:
    """Let those that can work do so in turn. Who fails in the round of warm-up takes no part."""
    able: dict[str, Callable[[], float]] = {}
    unable: dict[str, Outcome] = {}
    for name, work in works.items():
        try:
            work(units[name])
        except Unavailable as reason:
            unable[name] = Outcome(None, str(reason))
        else:
            able[name] = _per_unit(work, units[name])
    return unable | {name: Outcome(figure) for name, figure in interleaved(able, rounds).items()}


def _per_unit(work: Callable[[int], float], units: int) -> Callable[[], float]:
    return lambda: work(units) / units


def _target(least: float | None) -> str:
    return "" if least is None else f"≥ {least:.2g} ×"
