"""Node data with ``{{ expressions }}`` in it: compiled once per definition, rendered once per step."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from ..errors import ExpressionError, Fault
from ..masking import MASK
from ..values.json import MAX_VALUE_BYTES, FrozenDict, FrozenList, freeze, render_path
from .amount import excess_in_node, has_expressions
from .language import Allowance, Expression, ExpressionLanguage
from .lexer import placeholders
from .references import Scope, shorten

Path = tuple[str | int, ...]


class Rendered(NamedTuple):
    """Node data after expressions, as read-only JSON. ``masked`` is fit for the record: no value from globals in it."""

    value: Any
    masked: Any


class Template:
    """Node data, ready to be rendered. ``faults`` lists the expressions that will fail the step, and why."""

    __slots__ = ("_constant", "_root", "faults", "is_constant", "reads_globals", "required_globals")

    def __init__(
        self,
        data: Any,
        root: "_TemplatePart | None",
        faults: tuple[Fault, ...],
        required_globals: frozenset[str] = frozenset(),
    ) -> None:
        self._constant = Rendered(data, data)
        self._root = root
        self.faults = faults
        self.is_constant = root is None
        """Whether there is no expression in the data."""
        self.reads_globals = root is not None and root.reads_globals
        """Whether an expression in the data names ``globals``."""
        self.required_globals = required_globals
        """The names of globals without which the data can't be rendered, whatever else there is."""

    def render(self, scope: Scope) -> Rendered:
        """The data with a value for each expression. Raises ExpressionError that names node, field and expression."""
        root = self._root
        if root is None:
            return self._constant
        value = root.render(scope, Allowance())
        return Rendered(value, root.mask(value, scope.public) if root.reads_globals else value)


def compile_template(data: Any, language: ExpressionLanguage, *, where: str, refusal: str | None = None) -> Template:
    """Prepare the data of the node with the id ``where``. Raises InvalidValue for what isn't JSON, nothing for bad
    expressions: these fail the step that needs them. So do too many, and any at all where there is a ``refusal``.
    """
    data = freeze(data, "data")
    reason = excess_in_node(data) or refusal
    faults: list[Fault] = []
    required: set[str] = set()
    if reason is None:
        root = _compile(data, (), _Compilation(language, where, faults, required))
    else:
        root = _refuse(data, reason, where)
    if root is not None and reason is not None:
        faults.append(Fault("data", reason))
    return Template(data, root, tuple(faults), frozenset(required))


def verbatim(data: Any) -> Template:
    """Data whose braces are text."""
    return Template(data, None, ())


def _refuse(data: Any, reason: str, node_id: str) -> "_TemplatePart | None":
    return _Refused(reason, node_id) if has_expressions(data) else None


class _Refused:
    """Data with more expressions than are compiled."""

    reads_globals = False

    def __init__(self, reason: str, node_id: str) -> None:
        self.reason = reason
        self.node_id = node_id

    def render(self, scope: Scope, allowance: Allowance) -> Any:  # noqa: ARG002 - as every part has them
        raise ExpressionError(f"node {self.node_id!r}, field data: {self.reason}")

    def mask(self, value: Any, public: frozenset[str]) -> Any:  # noqa: ARG002 - as above
        return value


class _Compilation(NamedTuple):
    language: ExpressionLanguage
    node_id: str
    faults: list[Fault]
    required_globals: set[str]


class _TemplatePart(Protocol):
    """A place in the data with an expression in it or below it."""

    reads_globals: bool

    def render(self, scope: Scope, allowance: Allowance) -> Any: ...
    def mask(self, value: Any, public: frozenset[str]) -> Any:
        """The value as it is recorded; the same object where nothing in it may come from globals but these."""
        ...


def _compile(value: Any, path: Path, compilation: _Compilation) -> _TemplatePart | None:
    if isinstance(value, str):
        return _compile_text(value, path, compilation) if "{{" in value else None
    if isinstance(value, dict):
        parts = {key: _compile(item, (*path, key), compilation) for key, item in value.items()}
        live = {key: part for key, part in parts.items() if part is not None}
        return _Object(value, live) if live else None
    if isinstance(value, list):
        listed = [_compile(item, (*path, index), compilation) for index, item in enumerate(value)]
        placed = {index: part for index, part in enumerate(listed) if part is not None}
        return _List(value, placed) if placed else None
    return None


def _compile_text(text: str, path: Path, compilation: _Compilation) -> _TemplatePart | None:
    pieces = list(_pieces(text, path, compilation))
    if not any(isinstance(piece, _Lone) for piece in pieces):
        return None
    if len(pieces) == 1 and isinstance(pieces[0], _Lone):
        return pieces[0]
    return _Text(pieces)


def _pieces(text: str, path: Path, compilation: _Compilation) -> Iterator["str | _Lone"]:
    """The text between expressions, and the expressions, in order."""
    done = 0
    for placeholder in placeholders(text):
        if placeholder.start > done:
            yield text[done : placeholder.start]
        yield _compile_one(placeholder.source, path, compilation)
        done = placeholder.end
    if done < len(text):
        yield text[done:]


def _compile_one(source: str, path: Path, compilation: _Compilation) -> "_Lone":
    try:
        expression = Expression(source, compilation.language)
    except ExpressionError as error:
        compilation.faults.append(Fault(_place(path), f"{{{{ {shorten(source)} }}}}: {error}"))
        return _Lone(str(error), source, path, compilation.node_id)
    compilation.required_globals.update(expression.required_globals)
    return _Lone(expression, source, path, compilation.node_id)


def _place(path: Path) -> str:
    """The field at a path. Keys may be as long as data may be, and there is a label for each expression below them."""
    return shorten("data" + render_path(tuple(shorten(key) if isinstance(key, str) else key for key in path)), 1000)


class _Lone:
    """One expression: the value keeps its type. ``expression`` is the reason where it can't be compiled."""

    __slots__ = ("expression", "node_id", "path", "reads_globals", "source")

    def __init__(self, expression: Expression | str, source: str, path: Path, node_id: str) -> None:
        self.expression = expression
        self.source = source
        self.path = path
        self.node_id = node_id
        self.reads_globals = isinstance(expression, Expression) and expression.reads_globals

    @property
    def label(self) -> str:
        """Where it is, in words."""
        return f"node {self.node_id!r}, field {_place(self.path)}: {{{{ {shorten(self.source)} }}}}"

    def render(self, scope: Scope, allowance: Allowance) -> Any:
        expression = self.expression
        if isinstance(expression, str):
            raise ExpressionError(f"{self.label}: {expression}")
        try:
            return expression.evaluate(scope, allowance)
        except ExpressionError as error:
            raise ExpressionError(f"{self.label}: {error}", missing=error.missing) from None

    def may_reveal_globals(self, public: frozenset[str]) -> bool:
        expression = self.expression
        return isinstance(expression, Expression) and expression.may_reveal_globals(public)

    def mask(self, value: Any, public: frozenset[str]) -> Any:
        return MASK if self.may_reveal_globals(public) else value


class _Text:
    """A text with expressions in it: the value is text."""

    __slots__ = ("pieces", "reads_globals")

    def __init__(self, pieces: "list[str | _Lone]") -> None:
        self.pieces = pieces
        self.reads_globals = any(isinstance(piece, _Lone) and piece.reads_globals for piece in pieces)

    def render(self, scope: Scope, allowance: Allowance) -> str:
        texts: list[str] = []
        size = 0
        for piece in self.pieces:
            text = piece if isinstance(piece, str) else as_text(piece.render(scope, allowance))
            size += len(text)
            # A text is a copy, unlike a lone value, which is shared: many of them could use up the memory.
            if not isinstance(piece, str) and not (allowance.take(len(text)) and size <= MAX_VALUE_BYTES):
                raise ExpressionError(
                    f"{piece.label}: makes a text of over {size:,} characters; hand on the value itself"
                )
            texts.append(text)
        return "".join(texts)

    def mask(self, value: Any, public: frozenset[str]) -> Any:
        secret = any(isinstance(piece, _Lone) and piece.may_reveal_globals(public) for piece in self.pieces)
        return MASK if secret else value


class _Object:
    __slots__ = ("fields", "parts", "reads_globals")

    def __init__(self, fields: dict[str, Any], parts: dict[str, _TemplatePart]) -> None:
        self.fields = fields
        self.parts = parts
        self.reads_globals = any(part.reads_globals for part in parts.values())

    def render(self, scope: Scope, allowance: Allowance) -> Any:
        # The fields come first, so that every key keeps its place.
        return FrozenDict(self.fields | {key: part.render(scope, allowance) for key, part in self.parts.items()})

    def mask(self, value: Any, public: frozenset[str]) -> Any:
        masked = {key: part.mask(value[key], public) for key, part in self.parts.items() if part.reads_globals}
        if all(item is value[key] for key, item in masked.items()):
            return value
        return FrozenDict(value | masked)


class _List:
    __slots__ = ("items", "parts", "reads_globals")

    def __init__(self, items: list[Any], parts: dict[int, _TemplatePart]) -> None:
        self.items = items
        self.parts = parts
        self.reads_globals = any(part.reads_globals for part in parts.values())

    def render(self, scope: Scope, allowance: Allowance) -> Any:
        items = list(self.items)
        for index, part in self.parts.items():
            items[index] = part.render(scope, allowance)
        return FrozenList(items)

    def mask(self, value: Any, public: frozenset[str]) -> Any:
        masked = {at: part.mask(value[at], public) for at, part in self.parts.items() if part.reads_globals}
        if all(item is value[at] for at, item in masked.items()):
            return value
        return FrozenList([masked.get(at, item) for at, item in enumerate(value)])


def as_text(value: Any) -> str:
    """A JSON value inside text: null is nothing, a whole number has no fraction, objects and lists are compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
