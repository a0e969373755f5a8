"""Index and search tables in memory, for a store that has none of its own."""

import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from ..memory.recorder import MemoryRecorder


class SideTables:
    """Tables of index and search, without events. The store that they belong to keeps them up to date."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Start with empty tables."""
        self._tables = MemoryRecorder()  # only its tables are used: no event is ever stored in it

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement."""
        return self._tables.query(sql, parameters)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction."""
        return self._tables.transaction()

    def close(self) -> None:
        """Drop the tables."""
        self._tables.close()
