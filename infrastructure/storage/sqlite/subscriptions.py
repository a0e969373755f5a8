"""The table of subscriptions in SQLite."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ..sql import queries
from ..subscription_table import SubscriptionTable


def sqlite_subscriptions(transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> SubscriptionTable:
    """The table, changed in transactions that ``transaction`` begins."""
    sql = queries("sqlite")

    def execute(query: str, parameters: Mapping[str, Any]) -> list[Any]:
        with transaction() as connection:
            return connection.execute(sql[query], parameters).fetchall()

    return SubscriptionTable(execute)
