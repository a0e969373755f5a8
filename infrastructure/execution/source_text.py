"""The source text of a function, without the values that it was given beside its arguments."""

import ast
import functools
import inspect
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any


def source_of(function: Any, *, is_bound: bool) -> str:
    """The text of the lines that define it. ``is_bound``: whether a partial binds arguments of it.

    Then a lambda is cut out of its lines, as the rest of them may be the call that binds a secret. Raises OSError or
    TypeError where there is no source.
    """
    if is_bound and isinstance(function, FunctionType) and function.__name__ == "<lambda>":
        return f"{_lambda_source(function)}\n"
    return inspect.getsource(function)


def describe_bound(partial: functools.partial[Any]) -> str:
    """What a partial binds, as a comment: names and types.

    No value, as it may be a secret, and no digest of one, as short secrets can be guessed from it. Names are sorted, so
    that the same code reads the same in every process.
    """
    named = ", ".join(f"{name}: {_kind(value)}" for name, value in sorted(partial.keywords.items()))
    return f"# bound: ({', '.join(map(_kind, partial.args))}) {{{named}}}\n"


def _kind(value: Any) -> str:
    """The type of a value; of a function or class its name. Not its module: that may be ``__main__`` or not.

    The value isn't asked, as a proxy may answer for something that isn't there yet.
    """
    kind: type = type(value)
    named = issubclass(kind, type | FunctionType | BuiltinFunctionType | MethodType)
    return str(value.__qualname__ if named else kind.__qualname__)


def _lambda_source(function: FunctionType) -> str:
    """Raises OSError where it can't be told from others."""
    code = function.__code__
    text = "".join(inspect.findsource(function)[0])
    try:
        found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Lambda) and _may_be(node, code)]
    except SyntaxError as error:
        raise OSError(f"the file isn't the one that was loaded: {error}") from error
    innermost = max(found, key=lambda node: (node.lineno, node.col_offset), default=None)
    source = None if innermost is None else ast.get_source_segment(text, innermost)
    if source is None:
        raise OSError("the file isn't the one that was loaded")
    return source


def _may_be(node: ast.Lambda, code: CodeType) -> bool:
    """Whether the code's instructions stand within the lambda's body."""
    body = node.body
    begin, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    return node.lineno == code.co_firstlineno and all(begin <= at <= end for at in _places(code))


def _places(code: CodeType) -> Iterator[tuple[int, int]]:
    for line, end_line, column, end_column in code.co_positions():
        if line is not None and column is not None and (line, column) != (code.co_firstlineno, 0):
            yield line, column
        if end_line is not None and end_column is not None and end_column:
            yield end_line, end_column
