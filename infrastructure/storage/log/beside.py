"""What lists and searches read of a store that has no tables for them: tables in memory, beside it."""

import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from ..memory.recorder import MemoryRecorder


class SideTables:
    """Tables of index and search, and no event. The store that they are beside keeps them up to date."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin with empty tables."""
        self._tables = MemoryRecorder()  # for its tables: no event is ever put in

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement."""
        return self._tables.query(sql, parameters)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction."""
        return self._tables.transaction()

    def close(self) -> None:
        """The tables are gone."""
        self._tables.close()
