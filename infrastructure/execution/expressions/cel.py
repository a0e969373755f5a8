"""Expressions in CEL (https://cel.dev), evaluated by common-expression-language."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....domain.errors import ExpressionError
from ....domain.expressions.language import Allowance
from ....domain.expressions.references import ROOTS
from .guard import FUNCTIONS, Guarded, guard
from .literals import read_literals
from .meter import Meter, charge_reading

if TYPE_CHECKING:
    import cel

_CONVERT = "convert with string(…), int(…) or double(…)"


class CelLanguage:
    """CEL without extensions, inside the limits of ``guard`` and on the meter of ``meter``."""

    def __init__(self, roots: Sequence[str] = ROOTS) -> None:
        """``roots``: the names that expressions see."""
        self._roots = roots

    def compile(self, source: str) -> "CelProgram":
        """Raises ExpressionError for a syntax error, an unknown function, and for what is over a limit."""
        source = read_literals(source)
        guarded = guard(source, self._roots)
        if guarded is None:
            _compile(source)  # raises with the reason
            raise ExpressionError("syntax error: this is no expression that could be evaluated")
        try:
            program = _compile(guarded.source)
        except ExpressionError:
            _compile(source)  # raises with columns of the author's source
            raise
        return CelProgram(program, guarded)


class CelProgram:
    """A compiled expression."""

    __slots__ = ("_guarded", "_program")

    def __init__(self, program: "cel.Program", guarded: Guarded) -> None:
        self._program = program
        self._guarded = guarded

    def evaluate(self, variables: Mapping[str, Any], allowance: Allowance) -> Any:
        """The value as Python has it. Raises ExpressionError."""
        if not self._guarded.is_metered:
            charge_reading(self._guarded, variables, allowance)
            try:
                return self._program.execute({**variables})
            except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception; others are raised again
                raise _translate_error(error) from None
        meter = Meter(self._guarded, variables, allowance)
        try:
            value = self._program.execute({**variables, **meter.functions})
        except BaseException as error:  # noqa: BLE001 - as above
            failure = _translate_error(error)
            raise meter.failure or failure from None
        if meter.failure is not None:  # || and && swallow errors
            raise meter.failure
        return value


def _compile(source: str) -> "cel.Program":
    import cel  # imported late, as it takes a sixth of a second

    try:
        return cel.compile(source)
    except ValueError as error:
        raise ExpressionError(_syntax_error(str(error))) from None
    except BaseException as error:  # noqa: BLE001 - as above
        raise _translate_error(error) from None


_MISTAKES = (
    ("mismatched input '<EOF>'", "it ends too early"),
    (r".* at input '\.(in|true|false|null)'", r'"\1" is a word of the language: write ["\1"] in place of .\1'),
    (".* input 'and'$", "write && in place of 'and'"),
    (".* input 'or'$", "write || in place of 'or'"),
    (r"Incomplete .* for `_\?_:_`.*", "a ? has no : with what holds otherwise"),
)
"""What the parser says of mistakes that people make, and what helps them."""


def _syntax_error(text: str) -> str:
    found = re.search(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)", text)
    if found is None:
        return "syntax error"
    line, column, message = found.groups()
    message = re.sub(r" expecting \{.*", "", message)
    for said, meant in _MISTAKES:
        message = re.sub(said, meant, message)
    return f"syntax error at {f'line {line}, ' if line != '1' else ''}column {column}: {message}"


def _translate_error(error: BaseException) -> ExpressionError:
    """Translate the interpreter's error, without any value of the data. Raises other errors again."""
    text = str(error)
    match error:
        case KeyError():
            return ExpressionError("unknown reference", missing=str(error.args[0]))
        case IndexError():
            return ExpressionError("no such item", missing=text.rpartition(" ")[2])
        case ZeroDivisionError():
            return ExpressionError("division by zero")
        case OverflowError():
            return ExpressionError("the result is a number beyond 64 bits")
        case TypeError():
            return ExpressionError(_type_error(text), missing="")
        case RuntimeError():
            return _runtime_error(text)
        case ValueError():
            return ExpressionError("can't be evaluated with this data")
        case _ if type(error).__name__ == "PanicException":
            return ExpressionError("the interpreter gave up; write it in a simpler way")
        case _:
            raise error


def _type_error(text: str) -> str:
    if operation := re.match(r"Unsupported operation: (\w+ \S+ \w+)\.", text):
        return f"type error: can't do {operation[1]}; {_CONVERT}"
    if types := re.match(r"Unexpected type: got '(\w+)', want '([\w|]+)'", text):
        return f"type error: {types[1]} where {types[2].replace('|', ' or ')} is needed"
    return f"type error: an operation or a field that isn't defined for the type it's used on; {_CONVERT}"


def _runtime_error(text: str) -> ExpressionError:
    found = re.match(r"(Undefined variable or function:|Function) '([^']*)'", text)
    if found is None:
        return ExpressionError("can't be evaluated")
    name = found[2]
    if found[1] == "Function":
        return ExpressionError(f"{name}(…) can't take this value")
    if name in FUNCTIONS:
        return ExpressionError(f"type error: {name}(…) isn't defined for what it's given", missing="")
    return ExpressionError(f"unknown reference {name!r}", missing=name)
