"""Parses a CEL expression and computes its cost, see ``cost``."""

from collections.abc import Iterator, Sequence

from ....domain.expressions.language import MAX_COST, too_costly
from ....domain.expressions.lexer import Token
from ....domain.expressions.references import ANY, Reference
from .cost import CONVERSION, ITEM, TICK, Column, Costs, LoopCost, Sum

_LONGEST_NUMBER = 400
"""Weight of a number as text: 5e-324 has 326 digits."""

_AS_TEXT = 3
"""How much longer bytes may become as text: each byte that isn't UTF-8 becomes a character of three bytes."""

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
"""Functions whose result is as large as their arguments. The result of all others is a number or a boolean."""


def weigh(tokens: Sequence[Token], references: Sequence[Reference], loops: Sequence[int]) -> Costs | None:
    """The cost of the expression; ``loops`` has the index of each macro's name. None if it is no expression.

    Raises ExpressionError where it costs too much with any data.
    """
    parser = _CostParser(tokens, references, loops)
    try:
        whole = parser.expression()
    except (_NotReadable, IndexError):
        return None
    if parser.at != len(tokens) or len(parser.loops) != len(loops):
        return None
    _add(whole.cost, whole.weight, CONVERSION)
    if whole.cost.get(0, 0) > MAX_COST:
        raise too_costly()
    in_order = [parser.loops[number] for number in range(len(loops))]
    for number, loop in enumerate(in_order):
        loop.inside = [at for at, other in enumerate(in_order) if other.parent == number]
        copied, into, times = whole.cost.get(loop.made, 0), 0, 0
        if loop.parent >= 0:
            around = in_order[loop.parent]
            into, times = around.made, around.added.get(loop.made, 0)
            copied = around.round.get(loop.made, 0) + times * whole.cost.get(into, 0)
        loop.passed_on = copied, into, times
    return Costs(parser.first, whole.cost, in_order, [column for _, column in parser.columns])


class _NotReadable(Exception):
    """The text is no expression. CEL says why."""


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


class _CostParser:
    """Parses the tokens of an expression by the grammar of CEL, and computes the cost of each part."""

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
        """The enclosing loops: name of the element, number, number of the reference that it runs over."""
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
        """Operands and the operators between them that bind at least as strongly as ``power``."""
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
            _add(cost, left.weight)  # the result of +, the operands of a comparison, or their copy in an error
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
        """A field of the element of a loop; None if it is unknown what the loop runs over."""
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
        if token.text == "." and self.tokens[self.at].kind == "name":  # a name of the outermost scope, which is empty
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
        """The items in brackets, from after the opening one."""
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
        _add(cost, weight, 2)  # an error contains it as text
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
        """Weights with a known sum over all rounds of a loop: the variable for the largest, and that sum."""
        yield self.first + 2 * number + 1, over
        for at, (loop, _) in enumerate(self.columns):
            if loop == number:
                yield self.largest_in(at), {self.largest_in(at) - 1: 1}
