"""Signatures and types as people write them, the same on every version of Python."""

import inspect
import types
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

_WIDTH = 100


def type_text(annotation: Any) -> str:
    """A type without the modules that its names come from: ``Mapping[str, Any] | None``."""
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Any or annotation is ...:
        return "Any" if annotation is Any else "..."
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, TypeVar):
        return annotation.__name__
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0])
    if origin in (Union, types.UnionType):
        literals = tuple(value for each in arguments if get_origin(each) is Literal for value in get_args(each))
        others = [each for each in arguments if get_origin(each) is not Literal]
        return " | ".join(map(type_text, [*([Literal[literals]] if literals else []), *others]))
    if origin is Literal:
        return f"Literal[{', '.join(_value_text(value) for value in arguments)}]"
    if origin is not None:
        return f"{_name_of(origin)}[{', '.join(_argument_text(argument) for argument in arguments)}]"
    return _name_of(annotation)


def signature_text(name: str, function: Callable[..., Any], *, constructs: bool = False) -> str:
    """A call as it is written, a parameter a line where it is long; a class has no result."""
    signature = inspect.signature(function)
    parameters = list(_parameters(signature))
    result = "" if constructs else f" -> {type_text(signature.return_annotation)}"
    line = f"{name}({', '.join(parameters)}){result}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {parameter}," for parameter in parameters), f"){result}"])


def parameter_names(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _parameters(signature: inspect.Signature) -> Iterable[str]:
    keyword_only = False
    for name, parameter in signature.parameters.items():
        if name == "self":
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        star = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else ""
        text = f"{star}{name}"
        if parameter.annotation is not inspect.Parameter.empty:
            text += f": {type_text(parameter.annotation)}"
        if parameter.default is not inspect.Parameter.empty:
            text += f" = {_value_text(parameter.default)}"
        yield text


def _value_text(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:_}" if type(value) is int else repr(value)


def _argument_text(argument: Any) -> str:
    return f"[{', '.join(map(type_text, argument))}]" if isinstance(argument, list) else type_text(argument)


def _name_of(type: Any) -> str:
    return getattr(type, "__name__", None) or str(type).rpartition(".")[2]
