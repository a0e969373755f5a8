"""Callers with transactions of their own, one class for each kind of connection that ``ledger.within`` takes."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import flowledger as fl


class Caller:
    """Its own row goes into the table ``mine``. Async ones run on a loop of their own, so tests are written once."""

    is_async = False
    connection: Any

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = uuid4().hex

    def within(self, ledger: fl.Ledger) -> "Calls":
        return Calls(self, ledger.within(self.connection))

    def do(self, result: Any) -> Any:
        return result

    def write(self, text: str) -> None:
        raise NotImplementedError

    def savepoint(self) -> Any:
        """A context manager; an exception in it takes back what was done in it."""
        raise NotImplementedError

    def commit(self) -> None:
        self.do(self.connection.commit())

    def rollback(self) -> None:
        self.do(self.connection.rollback())

    def close(self) -> None:
        self.do(self.connection.close())


class Calls:
    """``calls.runs.start(…)``, or ``astart`` where the connection is async."""

    def __init__(self, caller: Caller, target: Any) -> None:
        self._caller = caller
        self._target = target

    def __getattr__(self, name: str) -> Any:
        if name in ("runs", "workflows"):
            return Calls(self._caller, getattr(self._target, name))
        if not self._caller.is_async:
            return getattr(self._target, name)
        method: Callable[..., Awaitable[Any]] = getattr(self._target, _async_name(name))
        return lambda *args, **kwargs: self._caller.do(method(*args, **kwargs))


class Psycopg(Caller):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.connection = psycopg.connect(url)

    def write(self, text: str) -> None:
        self.connection.execute("INSERT INTO mine VALUES (%s)", (text,))

    def savepoint(self) -> Any:
        return self.connection.transaction()


class Async(Caller):
    is_async = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.runner = asyncio.Runner()

    def do(self, result: Any) -> Any:
        return self.runner.run(_awaited(result))

    @contextmanager
    def _entered(self, manager: Any) -> Iterator[None]:
        self.do(manager.__aenter__())
        try:
            yield
        except BaseException as error:
            self.do(manager.__aexit__(type(error), error, error.__traceback__))
            raise
        self.do(manager.__aexit__(None, None, None))

    def close(self) -> None:
        super().close()
        self.runner.close()


class AsyncPsycopg(Async):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.connection = self.do(psycopg.AsyncConnection.connect(url))

    def write(self, text: str) -> None:
        self.do(self.connection.execute("INSERT INTO mine VALUES (%s)", (text,)))

    def savepoint(self) -> Any:
        return self._entered(self.connection.transaction())


INSERT = sqlalchemy.text("INSERT INTO mine VALUES (:text)")


class OfSqlalchemy(Caller):
    def __init__(self, url: str, make: Callable[[Any], Any]) -> None:
        super().__init__(url)
        self.engine = sqlalchemy.create_engine(_url_for(url))
        self.connection = make(self.engine)

    def write(self, text: str) -> None:
        self.connection.execute(INSERT, {"text": text})

    def savepoint(self) -> Any:
        return self.connection.begin_nested()

    def close(self) -> None:
        super().close()
        self.engine.dispose()


class OfAsyncSqlalchemy(Async):
    def __init__(self, url: str, make: Callable[[Any], Any]) -> None:
        super().__init__(url)
        self.engine = create_async_engine(_url_for(url))
        self.connection = make(self.engine)
        if isinstance(self.connection, AsyncConnection):
            self.do(self.connection.start())

    def write(self, text: str) -> None:
        self.do(self.connection.execute(INSERT, {"text": text}))

    def savepoint(self) -> Any:
        return self._entered(self.connection.begin_nested())

    def close(self) -> None:
        self.do(self.connection.close())
        self.do(self.engine.dispose())
        self.runner.close()


class Sqlite(Caller):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.connection = sqlite3.connect(url.removeprefix("sqlite:///"))

    def write(self, text: str) -> None:
        self.connection.execute("INSERT INTO mine VALUES (?)", (text,))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self.connection.execute("SAVEPOINT mine")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO mine")
            raise


POSTGRES: dict[str, Callable[[str], Caller]] = {
    "psycopg": Psycopg,
    "async psycopg": AsyncPsycopg,
    "sqlalchemy": partial(OfSqlalchemy, make=lambda engine: engine.connect()),
    "session": partial(OfSqlalchemy, make=Session),
    "async sqlalchemy": partial(OfAsyncSqlalchemy, make=lambda engine: engine.connect()),
    "async session": partial(OfAsyncSqlalchemy, make=AsyncSession),
}
SQLITE: dict[str, Callable[[str], Caller]] = {
    "sqlite3": Sqlite,
    "sqlite session": partial(OfSqlalchemy, make=Session),
}


def _async_name(name: str) -> str:
    return "await_for" if name == "wait_for" else f"a{name}"


async def _awaited(result: Any) -> Any:
    return await result if hasattr(result, "__await__") else result


def _url_for(url: str) -> str:
    if url.startswith("sqlite"):
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg"))
