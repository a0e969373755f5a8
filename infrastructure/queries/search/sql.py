"""A search as SQL conditions on the table ``flowledger_search``, which goes by the name ``s``."""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ....projections.search import CUT, WordQuery
from ...storage.sql import Dialect
from .filters import Filter
from .terms import All, Comparison, Either, Not, Path, Term, Truth

_CUT = f"'{CUT}'"
_ESCAPED = re.compile(r"""["\\\x00-\x1f]""")


class ConditionPart(NamedTuple):
    """One condition of several."""

    sql: str
    has_index: bool


class SearchCondition(NamedTuple):
    """The conditions on a run to be found."""

    parts: tuple[ConditionPart, ...]
    """All true for each run that matches, and for runs that must be checked one by one."""
    certain: str
    """Among these, true if the run matches for certain; never null."""
    parameters: dict[str, Any]
    """Named parameters of both, which begin with ``search_``."""

    @property
    def sql(self) -> str:
        """All parts."""
        return " AND ".join(part.sql for part in self.parts) or "TRUE"


class _Values(Protocol):
    """How one database compares values in a document. Unknown is null."""

    def reaches(self, path: Path) -> bool:
        """Whether the database supports such a path."""
        ...

    def comparison(self, term: Comparison) -> str: ...
    def truth(self, path: Path) -> str: ...
    def equal(self, term: Comparison) -> str | None:
        """A condition that is implied by the comparison, and served by an index; None if there is no such index."""
        ...

    def left_out(self, path: Path) -> str:
        """Whether the value at the path is in a part of the document that was left out."""
        ...


class _Parameters:
    """Values by name, and their placeholders in a statement."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def put(self, value: Any, type: str | None = None) -> str:
        """The placeholder of a value; ``type`` is the PostgreSQL type to cast it to."""
        name = f"search_{len(self.values)}"
        self.values[name] = value
        return f":{name}" if type is None else f"CAST(:{name} AS {type})"


def condition(dialect: Dialect, words: WordQuery | None, filters: Sequence[Filter]) -> SearchCondition:
    """The condition of runs that have all words, and for whose values all filters are true."""
    parameters = _Parameters()
    values: _Values = _PostgresValues(parameters) if dialect == "postgres" else _SQLiteValues(parameters)
    parts: list[ConditionPart] = []
    certain: list[str] = []
    if words is not None:
        found, surely = (_postgres_words if dialect == "postgres" else _sqlite_words)(words.prefixes, parameters)
        parts.append(ConditionPart(found, has_index=True))
        certain.append(surely if words.is_certain else "FALSE")
    for one in filters:
        if one.term is None or not all(map(values.reaches, _paths(one.term))):
            certain.append("FALSE")
            continue
        known, left_out = _write(one.term, values), _left_out(one.term, values)
        narrowed = _indexed(one.term, values)
        met = f"({narrowed} AND {known})" if narrowed else known
        parts.append(ConditionPart(f"({met} OR ({left_out} AND ({known}) IS NULL))", has_index=narrowed is not None))
        certain.append(f"({known}) IS TRUE" if one.exact else "FALSE")
    return SearchCondition(tuple(parts), " AND ".join(certain) or "TRUE", parameters.values)


def _write(term: Term, values: _Values) -> str:
    match term:
        case Comparison():
            return values.comparison(term)
        case Truth(path):
            return values.truth(path)
        case Not(inner):
            return f"NOT ({_write(inner, values)})"
        case All(terms):
            return "(" + " AND ".join(_write(inner, values) for inner in terms) + ")"
        case Either(terms):
            return "(" + " OR ".join(_write(inner, values) for inner in terms) + ")"


def _indexed(term: Term, values: _Values) -> str | None:
    """A condition that follows from the term and is served by an index."""
    match term:
        case Comparison(operator="=="):
            return values.equal(term)
        case All(terms):
            found = [narrowed for inner in terms if (narrowed := _indexed(inner, values))]
            return "(" + " AND ".join(found) + ")" if found else None
        case Either(terms):
            found = [narrowed for inner in terms if (narrowed := _indexed(inner, values))]
            return "(" + " OR ".join(found) + ")" if len(found) == len(terms) else None
        case _:
            return None


def _left_out(term: Term, values: _Values) -> str:
    parts = dict.fromkeys(path[:2] if path[0] == "output" else path[:1] for path in _paths(term))
    return "(" + " OR ".join(map(values.left_out, parts)) + ")"


def _paths(term: Term) -> list[Path]:
    match term:
        case Comparison(path=path) | Truth(path=path):
            return [path]
        case Not(inner):
            return _paths(inner)
        case All(terms) | Either(terms):
            return [path for inner in terms for path in _paths(inner)]


def _postgres_words(words: Sequence[str], parameters: _Parameters) -> tuple[str, str]:
    # A word has only letters, marks, digits and _, so quotes are enough.
    wanted = " & ".join(f"'{word}':*" for word in words)
    place = parameters.put(f"({wanted}) | '{CUT}'", "tsquery")
    return f"s.words @@ {place}", f"NOT s.words @@ {parameters.put(_CUT, 'tsquery')}"


def _sqlite_words(words: Sequence[str], parameters: _Parameters) -> tuple[str, str]:
    wanted = " AND ".join(f'"{word}"*' for word in words)
    place = parameters.put(f'({wanted}) OR "{CUT}"')
    found = f"s.position IN (SELECT rowid FROM flowledger_search_words WHERE flowledger_search_words MATCH {place})"  # noqa: S608 - a place
    return found, f"instr(s.words, {parameters.put(CUT)}) = 0"


class _PostgresValues:
    def __init__(self, parameters: _Parameters) -> None:
        self._put = parameters.put

    def reaches(self, path: Path) -> bool:
        # jsonb holds no NUL, so no key does.
        return not any(isinstance(key, str) and "\0" in key for key in path)

    def comparison(self, term: Comparison) -> str:
        value, constant = self._value(term.path), term.constant
        if term.operator in ("==", "!="):
            sign = "=" if term.operator == "==" else "<>"
            return f"({value} {sign} {self._put(json.dumps(constant), 'jsonb')})"
        if isinstance(constant, str):
            text = f"({value} #>> '{{}}')"
            return self._of_type(value, "string", f'{text} COLLATE "C" {term.operator} {self._put(constant, "text")}')
        number = f"CAST({value} #>> '{{}}' AS numeric)"
        return self._of_type(value, "number", f"{number} {term.operator} {self._put(repr(constant), 'numeric')}")

    def truth(self, path: Path) -> str:
        value = self._value(path)
        return self._of_type(value, "boolean", f"{value} = CAST('true' AS jsonb)")

    def equal(self, term: Comparison) -> str | None:
        return self._contains(term.path, term.constant)

    def left_out(self, path: Path) -> str:
        return self._contains(("leftOut", *path), True)

    def _contains(self, path: Path, value: Any) -> str:
        for key in reversed(path):
            value = {key: value} if isinstance(key, str) else [value]
        return f"s.document @> {self._put(json.dumps(value), 'jsonb')}"

    def _value(self, path: Path) -> str:
        # Strict: a key doesn't apply to a list, nor an index to an object. Silent: then, and for missing values, null.
        steps = "".join(f".{json.dumps(key)}" if isinstance(key, str) else f"[{key}]" for key in path)
        return f"jsonb_path_query_first(s.document, {self._put(f'strict ${steps}', 'jsonpath')}, '{{}}', TRUE)"

    def _of_type(self, value: str, type: str, compared: str) -> str:
        return f"(CASE jsonb_typeof({value}) WHEN '{type}' THEN {compared} END)"


class _SQLiteValues:
    def __init__(self, parameters: _Parameters) -> None:
        self._put = parameters.put

    def reaches(self, path: Path) -> bool:
        # JSON paths in SQLite have no escapes.
        return not any(isinstance(key, str) and _ESCAPED.search(key) for key in path)

    def comparison(self, term: Comparison) -> str:
        place, constant = self._path(term.path), term.constant
        type = f"json_type(s.document, {place})"
        if constant is None or isinstance(constant, bool):
            named = self._put(json.dumps(constant))
            return f"({type} {'=' if term.operator == '==' else '<>'} {named})"
        operator = {"==": "=", "!=": "<>"}.get(term.operator, term.operator)
        given = self._put(constant)
        value = f"json_extract(s.document, {place})"
        if isinstance(constant, str):
            cases = f"WHEN 'text' THEN {value} {operator} {given}"
        else:
            exactly = f"flowledger_number(s.document -> {place})"
            cases = f"WHEN 'integer' THEN {value} {operator} {given} WHEN 'real' THEN {exactly} {operator} {given}"
        other = {"==": " ELSE FALSE", "!=": " ELSE TRUE"}.get(term.operator, "")
        compared = f"CASE {type} {cases}{other} END"
        return f"(CASE WHEN {type} IS NOT NULL THEN {compared} END)"

    def truth(self, path: Path) -> str:
        return f"(CASE json_type(s.document, {self._path(path)}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"

    def equal(self, term: Comparison) -> str | None:  # noqa: ARG002 - SQLite has no index of values
        return None

    def left_out(self, path: Path) -> str:
        return f"json_type(s.document, {self._path(('leftOut', *path))}) IS NOT NULL"

    def _path(self, path: Path) -> str:
        return self._put("$" + "".join(f'."{key}"' if isinstance(key, str) else f"[{key}]" for key in path))
