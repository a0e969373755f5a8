"""Lists as CSV, for spreadsheets and other programs."""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO


def print_csv(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One line of titles and one for each row (RFC 4180, lines end with a line feed).

    Times are ISO 8601, truth values ``true`` and ``false``, lists and objects JSON; None is an empty field.
    """
    # What isn't Unicode is escaped by the stream itself, see ``app.main``.
    writer = csv.writer(_LineFeeds(stream), lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_field(value) for value in row])
    stream.flush()


class _LineFeeds:
    """Ends each row with a line feed alone; the writer must know of both, as it quotes no others inside a field."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        self._stream.write(row.removesuffix("\r\n") + "\n")


def _field(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    return value
