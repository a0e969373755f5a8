"""Two texts as a unified diff."""

from collections.abc import Iterator, Sequence

from .alignment import Block, align

CONTEXT = 3
"""Lines that are alike, shown before and after those that differ."""


def unified_diff(before: str | None, after: str | None) -> str:
    """A unified diff of two texts, without file names; None: there is none on that side.

    Always right, and the shortest one, unless the texts have very many lines in common that occur often.
    """
    old, new = ([] if text is None else text.split("\n") for text in (before, after))
    return "\n".join(line for hunk in _hunks(align(old, new)) for line in _lines(hunk, old, new))


def _hunks(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Blocks that are shown together: each difference with what is alike around it."""
    hunk: list[Block] = []
    for block in blocks:
        if block.alike and hunk and block.i2 - block.i1 > 2 * CONTEXT:
            yield [*hunk, _first(block)]
            hunk = [_last(block)]
        else:
            hunk.append(block if hunk or not block.alike else _last(block))
    if hunk and hunk[-1].alike:
        hunk[-1] = _first(hunk[-1])
    if any(not block.alike for block in hunk):
        yield hunk


def _first(block: Block) -> Block:
    return block._replace(i2=min(block.i2, block.i1 + CONTEXT), j2=min(block.j2, block.j1 + CONTEXT))


def _last(block: Block) -> Block:
    return block._replace(i1=max(block.i1, block.i2 - CONTEXT), j1=max(block.j1, block.j2 - CONTEXT))


def _lines(hunk: Sequence[Block], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    yield f"@@ -{_range(hunk[0].i1, hunk[-1].i2)} +{_range(hunk[0].j1, hunk[-1].j2)} @@"
    for alike, i1, i2, j1, j2 in hunk:
        if alike:
            yield from (f" {line}" for line in old[i1:i2])
        else:
            yield from (f"-{line}" for line in old[i1:i2])
            yield from (f"+{line}" for line in new[j1:j2])


def _range(first: int, end: int) -> str:
    """Where lines begin, counted from 1, and how many they are; where there are none, behind which line."""
    count = end - first
    return f"{first + 1}" if count == 1 else f"{first + (count > 0)},{count}"
