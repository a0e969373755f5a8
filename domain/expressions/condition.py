"""The condition of an edge: an expression that is true or false."""

from ..errors import ExpressionError
from .language import Allowance, Expression, ExpressionLanguage
from .lexer import placeholders
from .references import Scope, kind_of, shorten


def source_in(when: str) -> str:
    """The expression of a condition, which may be written with ``{{ }}`` around it or without."""
    text = when.strip()
    found = next(placeholders(text), None)
    return found.source if found is not None and (found.start, found.end) == (0, len(text)) else text


class Condition:
    """A condition, compiled. One that can't be is false and true nowhere: ``fault`` says why."""

    __slots__ = ("_expression", "fault", "label", "reads_globals", "required_globals")

    def __init__(self, when: str, language: ExpressionLanguage, *, edge: str, refusal: str | None = None) -> None:
        """``edge``: what messages call the edge. ``refusal``: why it isn't compiled at all."""
        source = source_in(when)
        self.label = f"the condition of edge {edge!r}, {{{{ {shorten(source)} }}}}"
        self.fault = refusal
        self._expression: Expression | None = None
        if refusal is None:
            try:
                self._expression = Expression(source, language)
            except ExpressionError as error:
                self.fault = str(error)
        compiled = self._expression
        self.reads_globals = compiled is not None and compiled.reads_globals
        self.required_globals = frozenset[str]() if compiled is None else frozenset(compiled.required_globals)

    def holds(self, scope: Scope, allowance: Allowance) -> bool:
        """Whether it is true. Raises ExpressionError where it can't be evaluated, or is neither true nor false."""
        if self._expression is None:
            raise ExpressionError(f"{self.label}: {self.fault}")
        try:
            value = self._expression.evaluate(scope, allowance)
        except ExpressionError as error:
            raise ExpressionError(f"{self.label}: {error}", missing=error.missing) from None
        if type(value) is not bool:
            raise ExpressionError(f"{self.label}: is {kind_of(value)}, a condition is true or false")
        return value
