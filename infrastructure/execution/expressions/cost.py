"""The maximal cost of evaluating a CEL expression, derived from its source: a sum over the weights of its inputs.

The interpreter copies: a value that is stepped into, both sides of a ``+``, the items of a list, and the whole list
that ``map`` and ``filter`` make, for each element. So each part of an expression has a weight (of its value) and a cost
(of making it), and both are sums of terms: a number, or a multiple of a weight that is only known during evaluation.
That is the value of a reference, the list that a loop makes, or the largest element that a loop runs over.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, cast

ITEM = 64
"""The least weight of any value: about its bytes, and the nanoseconds that copying it takes."""

CONVERSION = 8
"""The cost of converting a value for the interpreter or back, relative to copying it there."""

TICK = 1_000
"""The cost of one round of a loop, besides its body: a call into Python."""

Sum = dict[int, int]
"""Variable → how many times. Variable 0 is 1; the others are in ``Costs``."""


@dataclass(slots=True)
class LoopCost:
    """One loop: the cost of a round, and the weight that a round adds to the list it makes.

    Costs in proportion to the element of the round are left out here: over all rounds they add up to a multiple of the
    range, and are charged with the loop as a whole.
    """

    macro: str
    parent: int
    """Number of the loop around it, -1 for none."""
    runs_over: int
    """Number of the reference whose elements it runs over, -1 where it is something else."""
    range: Sum
    round: Sum
    added: Sum
    taken: Sum
    """The part of its element that a round adds to the list, as multiples of the largest element."""
    kept: Sum
    """The same for all rounds together."""
    made: int
    """The variable for the weight of what its rounds added; the one after it is for its largest element."""
    inside: list[int] = field(default_factory=lambda: cast("list[int]", []))
    """The numbers of the loops in its body."""
    passed_on: tuple[int, int, int] = (0, 0, 0)
    """For the weight that a round adds to the list: how often it is copied, the variable of the list into which it
    goes, and how often."""

    @property
    def reads_largest(self) -> bool:
        """Whether its largest element has to be known."""
        return bool(self.inside) or self.made + 1 in self.taken


class Column(NamedTuple):
    """The part read of the elements of a reference's list or map: a field of each, or one of them (None)."""

    reference: int
    field: str | None


@dataclass(slots=True)
class Costs:
    """The cost of an expression. Variables: 1 + 2i is the weight of reference i, 2 + 2i the cost of reading it;
    from ``first`` on, two for each loop: the weight of what its rounds added to its list, and of its largest element;
    after these, two for each column: the weight of the whole, and of the largest field in it.
    """

    first: int
    total: Sum
    loops: list[LoopCost]
    columns: list[Column]
