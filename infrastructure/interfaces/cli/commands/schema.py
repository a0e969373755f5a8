"""``schema``: the SQL that creates a store, for administrators who run it themselves."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from ....storage import migrations
from ....storage import sql as sql_files
from ....storage.sql import Dialect
from ..shared.options import AsJson
from ..shared.session import DEFAULT_STORE, Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema(
    context: typer.Context,
    user: Annotated[
        str, typer.Option(metavar="NAME", help="PostgreSQL: the application's user, who is granted what it needs.")
    ] = "application_user",
    readers: Annotated[
        list[str] | None,
        typer.Option(
            "--reader",
            metavar="NAME",
            help="PostgreSQL: a user who only reads; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    erasers: Annotated[
        list[str] | None,
        typer.Option(
            "--eraser",
            metavar="NAME",
            help="PostgreSQL: a user who applies retention as well; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--schema",
            metavar="NAME",
            help="PostgreSQL: where the tables go.",
            show_default="the schema of the URL, the first of its search_path, or public",
        ),
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, metavar="VERSION", help="Only what a store at this schema version still lacks.")
    ] = 0,
    _json: AsJson = False,
) -> None:
    """Print the SQL that creates the store, for an administrator to run.

    It is one transaction, for the backend that the store's URL names; nothing connects to it. If the application's user
    may create tables, opening the store does the same.
    """
    session = Session.of(context)
    url = session.store or DEFAULT_STORE
    backend = _backend(url)
    others = readers or [], erasers or []
    lines = _sqlite(after) if backend == "sqlite" else _postgres(after, name or _schema_of(url), user, *others)
    sql = "\n\n".join(lines)
    document = {"backend": backend, "version": migrations.newest(backend), "sql": sql}
    session.answer(document, lambda console: console.out(sql, highlight=False))


def _backend(url: str) -> Dialect:
    if url.startswith("sqlite:///"):
        return "sqlite"
    if url.startswith(("postgresql://", "postgres://")):
        return "postgres"
    raise InvalidRequest("only stores at sqlite:///… and postgresql://… have a schema: name one with --store")


def _sqlite(after: int) -> Iterator[str]:
    from ....storage.sqlite.schema import APPLICATION_ID

    if after == 0:
        yield "-- Pages that retention frees can be given back, one by one.\nPRAGMA auto_vacuum = INCREMENTAL;"
    yield "-- For readers beside a writer; transactions can't choose it.\nPRAGMA journal_mode = WAL;"
    yield "BEGIN IMMEDIATE;"
    yield from migrations.statements("sqlite", after)
    yield f"-- Marks the file as a store.\nPRAGMA application_id = {APPLICATION_ID};"
    yield "COMMIT;"


def _postgres(after: int, schema: str, user: str, readers: Sequence[str], erasers: Sequence[str]) -> Iterator[str]:
    yield "BEGIN;"
    yield f"-- Where the tables go, and the application looks for them.\nSET LOCAL search_path = {_quote(schema)};"
    yield from migrations.statements("postgres", after)
    users = ", ".join(map(_quote, (user, *readers, *erasers)))
    yield f"-- Finding the tables.\nGRANT USAGE ON SCHEMA {_quote(schema)} TO {users};"
    yield sql_files.grants(_quote(user))
    yield from (sql_files.reader_grants(_quote(reader)) for reader in readers)
    yield from (sql_files.eraser_grants(_quote(eraser)) for eraser in erasers)
    yield "COMMIT;"


def _schema_of(url: str) -> str:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        from ....storage.postgres.url import split_url
    except ImportError:
        from ....storage.addresses import NO_DRIVER  # brings the storage libraries

        raise InvalidRequest(NO_DRIVER) from None
    conninfo, schema = split_url(url)
    if schema is not None:
        return schema
    try:
        options = str(conninfo_to_dict(conninfo).get("options") or "")
    except ProgrammingError:
        raise InvalidRequest(
            "that is no PostgreSQL URL: write special characters of user and password as %40 etc."
        ) from None
    found = re.search(r"search_path\s*=\s*([^\s,]+)", options)
    return found[1].strip('"') if found else "public"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
