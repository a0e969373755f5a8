"""What evaluating a CEL expression costs at most, found in its source: a sum over the weights of what it is given.

The interpreter copies: a value when it steps into one, both sides of a ``+``, what goes into a list, and the whole
list that ``map`` and ``filter`` make, for each element. So each part of an expression has a weight (of its value) and a
cost (of making it), and both are sums of terms: a number, or so many times the weight of something that only evaluation
knows. That is the value behind a reference, the list that a loop makes, or the largest element that a loop runs over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from ....domain.expressions.language import MAX_COST, too_costly
from ....domain.expressions.lexer import Token
from ....domain.expressions.references import ANY, Reference

ITEM = 64
"""Weight of any value, whatever it is: about its bytes, and the nanoseconds that copying it takes."""

CONVERSION = 8
"""How much more it costs to hand a value to the interpreter or back than to copy it there."""

TICK = 1_000
"""Cost of one round of a loop, besides what its body does: a call into Python."""

_LONGEST_NUMBER = 400
"""Weight of a number as text: that of 5e-324 has 326 digits."""

_AS_TEXT = 3
"""How much longer bytes may become as text: each one that is no UTF-8 becomes a sign of three bytes."""

_POWER = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "<": 3,
    "<=": 3,
    ">": 3,
    ">=": 3,
    "in": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
}
_WHOLE = frozenset({"string", "bytes", "dyn", "type"})
"""Functions whose result is as large as what they are given. Of all others it is a number, or true or false."""

Sum = dict[int, int]
"""Variable → how many times. Variable 0 is 1; the others are in ``Costs``."""


@dataclass(slots=True)
class LoopCost:
    """One loop: what a round of it costs, and what that adds to the list it makes.

    Whatever is in proportion to the element of the round is left out here: over all rounds it comes to so many times
    the range, and is charged with the loop as a whole.
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
    """What of its element a round adds to the list, by the largest that there is."""
    kept: Sum
    """The same for all rounds together."""
    made: int
    """The variable for the weight of what its rounds added; the one after it is for its largest element."""
    inside: list[int] = field(default_factory=lambda: cast("list[int]", []))
    """The numbers of the loops in its body."""
    passed_on: tuple[int, int, int] = (0, 0, 0)
    """What becomes of that which a round adds to the list: how often it is copied, and into the list of which variable
    it goes how often."""

    @property
    def reads_largest(self) -> bool:
        """Whether its largest element has to be known."""
        return bool(self.inside) or self.made + 1 in self.taken


class Column(NamedTuple):
    """What is read of the elements of the list or map behind a reference: a field of each, or one of them (None)."""

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


def weigh(tokens: Sequence[Token], references: Sequence[Reference], loops: Sequence[int]) -> Costs | None:
    """The cost of the expression; ``loops`` has the index of each macro's name. None for what is no expression.

    Raises ExpressionError where it costs too much with any data.
    """
    reader = _Reader(tokens, references, loops)
    try:
        whole = reader.expression()
    except (_NotReadable, IndexError):
        return None
    if reader.at != len(tokens) or len(reader.loops) != len(loops):
        return None
    _add(whole.cost, whole.weight, CONVERSION)
    if whole.cost.get(0, 0) > MAX_COST:
        raise too_costly()
    in_order = [reader.loops[number] for number in range(len(loops))]
    for number, loop in enumerate(in_order):
        loop.inside = [at for at, other in enumerate(in_order) if other.parent == number]
        copied, into, times = whole.cost.get(loop.made, 0), 0, 0
        if loop.parent >= 0:
            around = in_order[loop.parent]
            into, times = around.made, around.added.get(loop.made, 0)
            copied = around.round.get(loop.made, 0) + times * whole.cost.get(into, 0)
        loop.passed_on = copied, into, times
    return Costs(reader.first, whole.cost, in_order, [column for _, column in reader.columns])


class _NotReadable(Exception):
    """What is read is no expression. CEL says why."""


class _Part:
    """A part of an expression: the weight of its value, and what making it costs."""

    __slots__ = ("cost", "element_of", "elements_of", "weight")

    def __init__(self, weight: Sum, cost: Sum, elements_of: int = -1, element_of: int = -1) -> None:
        self.weight = weight
        self.cost = cost
        self.elements_of = elements_of
        """Number of the reference whose elements are its elements, -1 for none."""
        self.element_of = element_of
        """Number of the loop whose element it is, -1 for none."""


def _add(to: Sum, other: Sum, times: int = 1) -> None:
    for variable, count in other.items():
        to[variable] = to.get(variable, 0) + count * times


class _Reader:
    """Reads the tokens of an expression by the grammar of CEL, and weighs each part as it goes."""

    def __init__(self, tokens: Sequence[Token], references: Sequence[Reference], loops: Sequence[int]) -> None:
        self.tokens = tokens
        self.texts = [token.text for token in tokens]
        self.texts.append("")  # the end
        self.at = 0
        self.references = references
        self.referring = {reference.first: number for number, reference in enumerate(references)}
        self.numbers = {index: number for number, index in enumerate(loops)}
        self.loops: dict[int, LoopCost] = {}
        self.first = 1 + 2 * len(references)
        self.around: list[tuple[str, int, int]] = []
        """The loops whose body this is in: name of the element, number, number of the reference that it runs over."""
        self.columns: list[tuple[int, Column]] = []
        """Each with the number of the loop that reads it."""

    def take(self, text: str) -> None:
        if self.texts[self.at] != text:
            raise _NotReadable
        self.at += 1

    def expression(self) -> _Part:
        part = self.operation(1)
        if self.texts[self.at] != "?":
            return part
        weight, cost = Sum(), part.cost
        while self.texts[self.at] == "?":
            self.at += 1
            chosen = self.operation(1)
            self.take(":")
            part = self.operation(1)
            for branch in (chosen, part):
                _add(cost, branch.cost)
                for variable, count in branch.weight.items():
                    weight[variable] = max(count, weight.get(variable, 0))
        return _Part(weight, cost)

    def operation(self, power: int) -> _Part:
        """Operands and the operators between them that bind at least as closely as ``power``."""
        while self.texts[self.at] in ("!", "-"):
            self.at += 1
        left = self.member()
        while (found := _POWER.get(self.texts[self.at], 0)) >= power:
            operator = self.texts[self.at]
            self.at += 1
            right = self.operation(found + 1)
            cost = left.cost
            _add(cost, right.cost)
            _add(left.weight, right.weight)
            _add(cost, left.weight)  # what + makes, what a comparison looks at, or what an error has a copy of
            left = _Part(left.weight if operator == "+" else {0: ITEM}, cost)
        return left

    def member(self) -> _Part:
        part = self.primary()
        while True:
            sign = self.texts[self.at]
            if sign == "[":
                self.at += 1
                _add(part.cost, self.expression().cost)
                self.take("]")
                if part.elements_of >= 0:
                    weight: Sum = {self.column(-1, Column(part.elements_of, None)): 1}
                    _add(part.cost, weight)
                    part = _Part(weight, part.cost)
                    continue
            elif sign == "." and self.tokens[self.at + 1].kind == "name":
                self.at += 2
                if self.texts[self.at] == "(":
                    number = self.numbers.get(self.at - 1)
                    part = self.call([part]) if number is None else self.loop(part, number)
                    continue
                if part.element_of >= 0 and (field := self.field(part.element_of, self.texts[self.at - 1])) is not None:
                    part = field
                    continue
            else:
                return part
            _add(part.cost, part.weight)  # the interpreter copies what it steps into
            part = _Part(part.weight, part.cost)

    def field(self, loop: int, name: str) -> _Part | None:
        """A field of the element of a loop; None where nobody knows what the loop runs over."""
        reference = next(reference for _, number, reference in self.around if number == loop)
        if reference < 0:
            return None
        largest = self.column(loop, Column(reference, name))
        return _Part({largest: 1}, {0: ITEM, largest: 1})

    def column(self, loop: int, column: Column) -> int:
        """The variable for the largest value of a column that a loop reads, or -1 no loop."""
        if (loop, column) not in self.columns:
            self.columns.append((loop, column))
        return self.largest_in(self.columns.index((loop, column)))

    def largest_in(self, number: int) -> int:
        """The variable for the largest value of a column; the one before it is for the whole."""
        return self.first + 2 * len(self.numbers) + 2 * number + 1

    def primary(self) -> _Part:
        token = self.tokens[self.at]
        if token.kind == "name":
            return self.name(token.text)
        if token.kind != "sign":
            self.at += 1
            size = ITEM + len(token.text) * (1 if token.text.isascii() else 4)
            if token.text[0] in "bB":
                size *= _AS_TEXT
            return _Part({0: size}, {0: size})
        if token.text == "(":
            self.at += 1
            part = self.expression()
            self.take(")")
            return part
        self.at += 1
        if token.text == "." and self.tokens[self.at].kind == "name":  # a name of the outermost scope, where none is
            self.at += 1
            return self.call([]) if self.texts[self.at] == "(" else _Part({0: ITEM}, {0: ITEM})
        if token.text not in ("[", "{"):
            raise _NotReadable
        weight, cost = {0: ITEM}, Sum()
        for item in self.items("]" if token.text == "[" else "}"):
            _add(weight, item.weight)
            _add(cost, item.cost)
        _add(cost, weight)
        return _Part(weight, cost)

    def name(self, name: str) -> _Part:
        for element, loop, _ in reversed(self.around):
            if element == name:
                self.at += 1
                variable = self.first + 2 * loop + 1
                return _Part({variable: 1}, {variable: 1}, element_of=loop)
        number = self.referring.get(self.at)
        if number is not None:
            reference = self.references[number]
            self.at = reference.end if ANY not in reference.keys else self.at + 1
            return _Part({1 + 2 * number: 1}, {2 + 2 * number: 1}, number)
        self.at += 1
        return self.call([]) if self.texts[self.at] == "(" else _Part({0: ITEM}, {0: ITEM})

    def items(self, closing: str) -> list[_Part]:
        """What stands in brackets, from after the opening one."""
        parts: list[_Part] = []
        while self.texts[self.at] != closing:
            parts.append(self.expression())
            if self.texts[self.at] == ":" and closing == "}":
                self.at += 1
                parts.append(self.expression())
            if self.texts[self.at] != closing:
                self.take(",")
        self.at += 1
        return parts

    def call(self, parts: list[_Part]) -> _Part:
        function = self.texts[self.at - 1]
        self.at += 1
        weight, cost = Sum(), Sum()
        for part in (*parts, *self.items(")")):
            _add(weight, part.weight)
            _add(cost, part.cost)
        if function == "matches":
            _add(cost, {0: TICK})
            _add(cost, weight, CONVERSION)
        _add(cost, weight, 2)  # an error has it as text
        if function not in _WHOLE:
            return _Part({0: ITEM}, cost)
        made: Sum = {0: _LONGEST_NUMBER}
        _add(made, weight, _AS_TEXT if function == "bytes" else 1)
        _add(cost, made)
        return _Part(made, cost)

    def loop(self, over: _Part, number: int) -> _Part:
        macro = self.texts[self.at - 1]
        parent = self.around[-1][1] if self.around else -1
        self.around.append((self.texts[self.at + 1], number, over.elements_of))
        self.at += 2
        self.take(",")
        bodies = self.items(")")
        self.around.pop()
        round_: Sum = {0: TICK}
        for body in bodies:
            _add(round_, body.cost)
        kept: Sum = {0: ITEM}
        added, taken = Sum(), Sum()
        if macro == "map":
            added = bodies[-1].weight
        elif macro == "filter":
            added = {self.first + 2 * number + 1: 1}
        _add(over.cost, over.weight)  # the interpreter copies each element
        for largest, all_of_them in self.in_proportion(number, over.weight):
            _add(over.cost, all_of_them, round_.pop(largest, 0))
            if times := added.pop(largest, 0):
                taken[largest] = times
                _add(kept, all_of_them, times)
        self.loops[number] = LoopCost(
            macro, parent, over.elements_of, over.weight, round_, added, taken, kept, self.first + 2 * number
        )
        weight = dict(kept)
        if macro == "map":
            weight[self.first + 2 * number] = 1
        elif macro != "filter":
            weight = {0: ITEM}
        _add(over.cost, weight)
        return _Part(weight, over.cost, over.elements_of if macro == "filter" else -1)

    def in_proportion(self, number: int, over: Sum) -> Iterator[tuple[int, Sum]]:
        """What comes to a known sum over all rounds of a loop: the variable for the largest, and that sum."""
        yield self.first + 2 * number + 1, over
        for at, (loop, _) in enumerate(self.columns):
            if loop == number:
                yield self.largest_in(at), {self.largest_in(at) - 1: 1}
