"""In which order things stand in their rows, so that few edges cross."""

from bisect import bisect_right
from collections.abc import Sequence

from .model import Places
from .rows import Rows

SWEEPS = 12
"""How often the rows are sorted by what they are connected to, at most."""

BUDGET = 30_000
"""Connections that are looked at, in all."""


def order_rows(made: Rows, before: Places | None) -> int:
    """Sort each row, and return how often edges cross.

    What stood in the drawing ``before`` keeps its order, and only what is new finds its place between.
    """
    position = [0] * len(made.keys)
    _number(made.rows, position)
    if before and any(key in before for key in made.keys):
        _insert(made, before)
        _number(made.rows, position)
        return crossings(made, position)
    best, fewest = [row[:] for row in made.rows], crossings(made, position)
    connections = sum(map(len, made.up)) or 1
    for sweep in range(min(SWEEPS, BUDGET // connections)):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        _sweep(made.rows if downwards else made.rows[::-1], made.up if downwards else made.down, position)
        found = crossings(made, position)
        if found < fewest:
            best, fewest = [row[:] for row in made.rows], found
        elif sweep > 3 and found > fewest:
            break
    made.rows[:] = best
    _number(made.rows, position)
    if fewest and connections * 4 < BUDGET:
        fewest -= _swap_neighbours(made, position)
    return fewest


def crossings(made: Rows, position: Sequence[int]) -> int:
    """How often the connections between the rows cross."""
    found = 0
    for row in made.rows:
        seen: list[int] = []
        for thing in row:
            below = made.down[thing]
            if not below:
                continue
            if len(below) == 1:  # as of most things: nothing to sort
                end = position[below[0]]
                if seen and end < seen[-1]:
                    place = bisect_right(seen, end)
                    found += len(seen) - place
                    seen.insert(place, end)
                else:
                    seen.append(end)
                continue
            late = [other for other in below if (thing, other) in made.beside] if made.beside else []
            for those in ([other for other in below if other not in late], late) if late else (below,):
                for end in sorted([position[other] for other in those]):
                    if seen and end < seen[-1]:
                        place = bisect_right(seen, end)
                        found += len(seen) - place
                        seen.insert(place, end)
                    else:  # as most do
                        seen.append(end)
    return found


def _number(rows: Sequence[Sequence[int]], position: list[int]) -> None:
    for row in rows:
        for place, thing in enumerate(row):
            position[thing] = place


def _sweep(rows: Sequence[list[int]], towards: Sequence[Sequence[int]], position: list[int]) -> None:
    for row in rows:
        if len(row) > 1:
            means: dict[int, float] = {}
            for thing in row:
                others = towards[thing]
                if len(others) == 1:
                    means[thing] = position[others[0]]
                elif others:
                    means[thing] = sum([position[other] for other in others]) / len(others)
                else:
                    means[thing] = position[thing]
            row.sort(key=means.__getitem__)
            for place, thing in enumerate(row):
                position[thing] = place


def _swap_neighbours(made: Rows, position: list[int]) -> int:
    """Swap neighbours in a row wherever that is better, until it is nowhere, or the rows were tried often enough.

    Returns how many crossings fewer there are. Neighbours are compared again only where something moved since.
    """
    fewer, beside = 0, made.beside
    both = made.up, made.down
    moved = [0] * len(made.keys)  # the visit to a row at which the thing, or one connected to it, was swapped last
    for visit in range(4 * len(made.rows)):
        row = made.rows[visit % len(made.rows)]
        before = visit - len(made.rows)
        for place in range(len(row) - 1):
            left, right = row[place], row[place + 1]
            if moved[left] < before and moved[right] < before:
                continue
            gain = 0
            for towards in both:
                rights = towards[right]
                for one in towards[left]:
                    at = position[one]
                    for other in rights:
                        to = position[other]
                        if at > to:
                            gain += 1
                        elif at < to:
                            gain -= 1
                        elif beside:
                            gain += ((one, left) in beside) - ((other, right) in beside)
            if gain > 0:
                fewer += gain
                row[place], row[place + 1] = right, left
                position[left], position[right] = place + 1, place
                for thing in (left, right, *made.up[left], *made.down[left], *made.up[right], *made.down[right]):
                    moved[thing] = visit
    return fewer


def _insert(made: Rows, before: Places) -> None:
    """Sort by the places of before; what is new goes to the middle of what it is connected to."""
    wanted: dict[int, float] = {thing: before[key] for thing, key in enumerate(made.keys) if key in before}
    for towards, rows in ((made.up, made.rows), (made.down, made.rows[::-1])):
        for row in rows:
            for thing in row:
                if thing not in wanted:
                    known = [wanted[other] for other in towards[thing] if other in wanted]
                    if known:
                        wanted[thing] = sum(known) / len(known)
    for row in made.rows:
        row.sort(key=lambda thing: (wanted.get(thing, 0.0), made.keys[thing] not in before))
