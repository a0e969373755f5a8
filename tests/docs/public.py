"""What is public: every name that the reference has a section for, found in the code."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from textwrap import dedent
from typing import Any, get_type_hints

from pydantic import BaseModel

import flowledger as fl
from flowledger.domain.lazy import lazy
from flowledger.domain.live import Unpicklable
from flowledger.testing import memory_ledger

from .signatures import parameter_names, signature_text, type_text

CONSTRUCTED = {
    "Batch",
    "Engine",
    "ExecutorRegistry",
    "Pause",
    "Public",
    "RetentionPolicy",
    "RetryPolicy",
    "Scoped",
    "StepResult",
}
"""Classes that callers make themselves: their sections begin with how."""


@dataclass(frozen=True)
class Method:
    """A function or method; ``name`` as the reference calls it, ``function`` without its owner's prefix."""

    name: str
    function: Callable[..., Any]
    asynchronous: str | None = None
    """How its async variant is called, where there is one."""

    @property
    def signature(self) -> str:
        return signature_text(self.name, self.function)

    @property
    def parameters(self) -> list[str]:
        return parameter_names(self.function)

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""


@dataclass(frozen=True)
class Attribute:
    """An attribute of a value; ``type`` is empty where the code doesn't say it, ``doc`` where the code has none."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True)
class Class:
    name: str
    type: type

    @property
    def signature(self) -> str | None:
        return signature_text(self.name, self.type, constructs=True) if self.name in CONSTRUCTED else None

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.type) or ""

    @property
    def attributes(self) -> list[Attribute]:
        return [*_data(self.type), *_properties(self.type), *([] if self.is_live else _value_methods(self.type))]

    @property
    def is_live(self) -> bool:
        """Whether it is no value, and its methods have sections of their own."""
        return issubclass(self.type, Unpicklable)


def sections() -> dict[str, Method | Class]:
    """Every section that the reference must have, by name."""
    found = [*_namespaces(), *_methods("ledger", fl.Ledger), *_public_names()]
    return {each.name: each for each in found}


def _namespaces() -> Iterator[Method]:
    with closing(memory_ledger()) as ledger:
        for name, namespace in vars(ledger).items():
            if not name.startswith("_"):
                yield from _methods(f"ledger.{name}", type(namespace))


def _public_names() -> Iterator[Method | Class]:
    for name in fl.__all__:
        public = getattr(fl, name)
        if inspect.isclass(public):
            yield Class(name, public)
            if issubclass(public, Unpicklable) and public is not fl.Ledger:
                yield from _methods(name, public)
        elif callable(public):
            yield Method(name, public)


def _methods(owner: str, type: type) -> Iterator[Method]:
    names = [name for name, function in inspect.getmembers(type, callable) if not name.startswith("_")]
    for name in names:
        if name[0] == "a" and name[1:] in names:
            continue
        variant = f"{owner}.a{name}" if f"a{name}" in names else None
        yield Method(f"{owner}.{name}", getattr(type, name), variant)


def _data(type: type) -> Iterator[Attribute]:
    """What a value holds: fields, or for other classes the names in their slots or that their constructor sets."""
    if issubclass(type, BaseModel):
        names = list(type.model_fields)
    elif is_dataclass(type):
        names = [field.name for field in fields(type)]
    elif issubclass(type, tuple):
        names = list(type._fields)  # type: ignore[attr-defined]
    else:
        names = _names_set_by_constructor(type) or list(vars(type).get("__annotations__", ()))
    hints, docs = _hints(type), _attribute_docs(type)
    for name in names:
        if not name.startswith("_"):
            yield Attribute(name, type_text(hints[name]) if name in hints else "", docs.get(name, ""))


def _attribute_docs(type: type) -> dict[str, str]:
    """The texts that stand below attributes, in the class or in its constructor."""
    found = {}
    trees = [ast.parse(dedent(inspect.getsource(each))) for each in reversed(_own_bases(type))]
    for body in (node.body for tree in trees for node in ast.walk(tree) if hasattr(node, "body")):
        for statement, below in pairwise(body if isinstance(body, list) else []):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and target is not None:
                found[ast.unparse(target).removeprefix("self.")] = " ".join(str(below.value.value).split())
    return found


def _own_bases(type: type) -> list[type]:
    """The class, and what it gets parts from that is no public class itself."""
    ours = [base for base in type.__mro__ if base.__module__.startswith("flowledger")]
    return [base for base in ours if base is type or (base.__name__ not in fl.__all__ and base is not Unpicklable)]


def _names_set_by_constructor(type: type) -> list[str]:
    makers = [base for base in _own_bases(type) if "__init__" in vars(base)]
    if not makers:
        return []
    source = inspect.getsource(makers[0].__init__)  # type: ignore[misc]
    return re.findall(r"self\.([a-z]\w*)(?:: [^=\n]+)? = ", source)


def _hints(type: type) -> dict[str, Any]:
    try:
        hints = get_type_hints(type)
    except NameError:  # a name that is imported for type checking alone
        hints = {}
    if not (is_dataclass(type) or hints.keys() - {"_send_instead"}):
        hints = {name: each.annotation for name, each in _constructor(type).items()}
    return hints


def _constructor(type: type) -> Any:
    try:
        return inspect.signature(type).parameters
    except ValueError:
        return {}


def _properties(type: type) -> Iterator[Attribute]:
    for name, member in _members(type):
        if isinstance(member, property):
            result = inspect.signature(member.fget).return_annotation  # type: ignore[arg-type]
            yield Attribute(name, type_text(result), _first_paragraph(member))
        elif isinstance(member, lazy):
            yield Attribute(name, "", _first_paragraph(member))


def _value_methods(type: type) -> Iterator[Attribute]:
    for name, member in _members(type):
        if isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
            called = getattr(type, name)
            text = signature_text(name, called)
            call, _, result = text.rpartition(" -> ")
            yield Attribute(" ".join(call.split()), result, _first_paragraph(called))


def _members(type: type) -> Iterator[tuple[str, Any]]:
    """The public members that our own classes define, in alphabetical order."""
    ours = [base for base in type.__mro__ if base.__module__.startswith("flowledger")]
    names = sorted({name for base in ours for name in vars(base) if not name.startswith("_")})
    inherited = {name for base in type.__mro__ if base not in ours for name in vars(base)}
    for name in names:
        if name not in inherited:
            yield name, inspect.getattr_static(type, name)


def _first_paragraph(member: object) -> str:
    return " ".join((inspect.getdoc(member) or "").split("\n\n")[0].split())
