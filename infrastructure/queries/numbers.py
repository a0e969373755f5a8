"""Conditions on many numbers at once."""

import json
from collections.abc import Sequence
from typing import Any

from ..storage.sql import Dialect


def among(column: str, numbers: Sequence[int], dialect: Dialect) -> tuple[str, dict[str, Any]]:
    """Whether a column has one of these numbers, which are one parameter, however many; and that."""
    if dialect == "postgres":
        return f"{column} = ANY (CAST(:among AS bigint[]))", {"among": list(numbers)}
    return f"{column} IN (SELECT value FROM json_each(:among))", {"among": json.dumps(numbers)}  # noqa: S608 - a column of ours
