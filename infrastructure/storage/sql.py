"""The ``.sql`` files of the backends: statements in paragraphs, each under a sentence that says its purpose."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal

Dialect = Literal["sqlite", "postgres"]

_BACKENDS = files(__name__.rpartition(".")[0])


@cache
def queries(dialect: Dialect, file: str = "queries.sql") -> dict[str, str]:
    """The statements of a file of queries by name: each begins with ``-- name: sentence``."""
    named: dict[str, str] = {}
    for paragraph in _paragraphs(dialect, file):
        name = paragraph.removeprefix("-- ").partition(":")[0]
        named[name] = "\n".join(line for line in paragraph.splitlines() if not line.startswith("--"))
    return named


@cache
def schema(dialect: Dialect) -> list[str]:
    """The statements that make a new store, at the newest schema version."""
    return list(_paragraphs(dialect, "schema.sql"))


@cache
def migrations(dialect: Dialect) -> dict[int, list[str]]:
    """The statements of each ``NNNN_subject.sql`` by its number, in order: they migrate an old store to that
    version."""
    names = sorted(entry.name for entry in (_BACKENDS / dialect / "sql").iterdir() if entry.name[:4].isdigit())
    return {int(name[:4]): list(_paragraphs(dialect, name)) for name in names}


@cache
def index_tables(dialect: Dialect) -> list[str]:
    """The statements that make the index: its tables, each before its indexes."""
    return [
        statement
        for statement in schema(dialect)
        if re.search(r"^CREATE (TABLE|INDEX) flowledger_index_", statement, re.M)
    ]


@cache
def worker_tables() -> list[str]:
    """The statements that make the tables of workers in SQLite."""
    return [
        statement
        for statement in schema("sqlite")
        if re.search(r"^CREATE TABLE flowledger_(workers|given_up|slots|slots_wanted) ", statement, re.M)
    ]


@cache
def search_tables() -> list[str]:
    """The statements that make the tables of the search, and of steps, in SQLite."""
    return [
        statement
        for statement in schema("sqlite")
        if re.search(r"^(CREATE|INSERT) .*flowledger_(search|steps|failures)", statement, re.M)
    ]


@cache
def rebuild_table() -> list[str]:
    """The statements that make the table with the progress of a rebuild in SQLite."""
    return [
        statement
        for statement in schema("sqlite")
        if re.search(r"^(CREATE TABLE|INSERT INTO) flowledger_rebuild ", statement, re.M)
    ]


@cache
def subscription_table() -> list[str]:
    """The statement that makes the table of subscriptions in SQLite."""
    return [statement for statement in schema("sqlite") if "CREATE TABLE flowledger_subscriptions " in statement]


@cache
def access_tables() -> list[str]:
    """The statements that make the tables of tokens and sessions in SQLite."""
    return [
        statement
        for statement in schema("sqlite")
        if re.search(r"^CREATE (TABLE|UNIQUE INDEX) flowledger_(tokens|sessions)", statement, re.M)
    ]


@cache
def subject_tables() -> list[str]:
    """The statement that makes the table of the keys of subjects in SQLite."""
    return [statement for statement in schema("sqlite") if "CREATE TABLE flowledger_subject_keys " in statement]


@cache
def tree_tables() -> list[str]:
    """The statements that make the tables of the tree in SQLite."""
    return [statement for statement in schema("sqlite") if " flowledger_tree_" in statement]


def grants(user: str) -> str:
    """The GRANTs for an application's ``user`` (an SQL identifier) on a PostgreSQL store that another user has made."""
    return _granting("grants.sql").replace("application_user", user)


def reader_grants(user: str) -> str:
    """The GRANTs for a ``user`` who only reads such a store."""
    return _granting("reader_grants.sql").replace("reading_user", user)


def eraser_grants(user: str) -> str:
    """The GRANTs for a ``user`` who applies retention: what an application's user has, and the removal of streams."""
    return f"{grants(user)}\n\n{_granting('eraser_grants.sql').replace('erasing_user', user)}"


def _granting(file: str) -> str:
    return (_BACKENDS / "postgres" / "sql" / file).read_text(encoding="utf-8").strip()


def _paragraphs(dialect: Dialect, name: str) -> Iterator[str]:
    text = (_BACKENDS / dialect / "sql" / name).read_text(encoding="utf-8")
    return (paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip())
