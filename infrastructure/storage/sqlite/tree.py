"""The tables of the tree in SQLite."""

import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..sql import queries
from ..tree_table import Execute, TreeTable
from .search import Queryable


def sqlite_tree(
    recorder: Queryable, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]
) -> TreeTable:
    """The tables, read through the recorder, and changed in transactions that ``transaction`` begins."""
    sql = queries("sqlite")

    @contextmanager
    def begin() -> Generator[Execute]:
        with transaction() as connection:
            yield lambda query, parameters: connection.execute(sql[query], parameters).fetchall()

    def fetch(query: str, parameters: Mapping[str, Any]) -> list[Any]:
        return recorder.query(sql[query], parameters)

    return TreeTable(fetch, begin)
