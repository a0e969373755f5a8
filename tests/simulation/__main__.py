"""``python -m tests.simulation --seeds 10000``, or ``--seed N`` for one of them, again."""

import argparse
import sys
import time

from .shrinking import shrink
from .simulation import Case, Result, simulate
from .sweep import Sweep, run_in_processes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="this one alone, and what it does")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, help="by default one for each core")
    parser.add_argument("--story", action="store_true", help="tell what happened, too")
    parser.add_argument("--drop", type=int, nargs="*", default=[], help="numbers of faults that don't strike")
    given = parser.parse_args()
    if given.seed is not None:
        result = simulate(Case(given.seed, frozenset(given.drop)), is_told=given.story)
        for line in result.story:
            print(line)
        return report(result)
    return sweep(given.first, given.seeds, given.processes)


def sweep(first: int, count: int, processes: int | None) -> int:
    began, total = time.monotonic(), Sweep()
    for part in run_in_processes(first, count, processes):
        total.join(part)
        for failure in part.failures:
            report(failure)
    took = time.monotonic() - began
    print(f"{total.seeds:,} seeds in {took:.0f} s, {total.steps:,} switch points, {len(total.failures)} failed")
    for title, counts in (("points", total.points), ("faults", total.struck), ("told", total.told)):
        print(f"{title}: {', '.join(f'{name} {count:,}' for name, count in counts.most_common())}")
    missed = total.never_happened()
    if missed:
        print(f"never happened: {', '.join(missed)}")
    return 1 if total.failures or missed else 0


def report(result: Result) -> int:
    seed = result.case.seed
    print(f"seed {seed}, trace {result.trace}, {result.steps} switch points")
    if result.failure is None:
        return 0
    least = shrink(result)
    print(f"  {least.failure}")
    kept = result.faults - len(least.case.dropped_faults)
    switches = "all" if least.case.switches is None else len(least.case.switches)
    print(f"  faults needed: {kept} of {result.faults}; switches: {switches}")
    dropped = " ".join(map(str, sorted(least.case.dropped_faults)))
    print(f"  again: python -m tests.simulation --seed {seed}" + (f" --drop {dropped}" if dropped else ""))
    return 1


if __name__ == "__main__":
    sys.exit(main())
