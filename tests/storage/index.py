"""The whole index of a store, to compare it."""

from collections.abc import Callable
from typing import Any

from flowledger.infrastructure.storage.index_writer import TABLES


def index_of(store: Any, named: Callable[[str], str] = str) -> dict[str, list[Any]]:
    """All rows of all tables, in one order. ``store`` may be wrapped, and ``named`` may lead to other tables."""
    recorder = getattr(store, "inner", store).recorder
    rows = {table: recorder.query(f"SELECT * FROM {named(table)}", {}) for table in TABLES}
    return {table: sorted(map(tuple, found), key=repr) for table, found in rows.items()}
