"""A failing case with less in it, which fails in the same way."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from .simulation import Case, Result, simulate

_Part = TypeVar("_Part")


def shrink(failing: Result, attempts: int = 300) -> Result:
    """Drop faults, then switches, for as long as the same promise is broken; so many attempts are made at most."""
    kind = kind_of(failing)
    best = failing
    left = attempts

    def still_fails(case: Case) -> bool:
        nonlocal best, left
        if left == 0:
            return False
        left -= 1
        result = simulate(case)
        if kind_of(result) != kind:
            return False
        best = result
        return True

    drop(
        range(failing.faults),
        lambda kept: still_fails(best.case._replace(dropped_faults=frozenset(range(failing.faults)) - set(kept))),
    )
    if still_fails(best.case._replace(switches=tuple(best.switches))):
        drop(best.case.switches or (), lambda kept: still_fails(best.case._replace(switches=tuple(kept))))
    return best


def kind_of(result: Result) -> str | None:
    """The promise that is broken."""
    return None if result.failure is None else result.failure.partition(":")[0]


def drop(parts: Sequence[_Part], fails: Callable[[Sequence[_Part]], bool]) -> Sequence[_Part]:
    """Delta debugging (Zeller): what is left when nothing can be dropped without losing the failure."""
    kept = list(parts)
    size = max(len(kept) // 2, 1)
    while kept and size:
        for start in _starts(kept, size):
            rest = kept[:start] + kept[start + size :]
            if fails(rest):
                kept = rest
                break
        else:
            size = size // 2 if size > 1 else 0
            continue
        size = min(size, max(len(kept), 1))
    return kept


def _starts(parts: Sequence[_Part], size: int) -> Iterator[int]:
    yield from range(0, len(parts), size)
