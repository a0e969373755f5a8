"""Lists as CSV, for spreadsheets and other programs."""

import csv
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TextIO

from .json_values import to_json_value


def write_csv(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One line of titles and one for each row (RFC 4180, lines end with a line feed).

    Times are ISO 8601, truth values ``true`` and ``false``, lists and objects JSON; None is an empty field. Text that a
    spreadsheet would take for a formula gets an apostrophe in front, which spreadsheets read as "this is text"; so does
    text that begins with one, so that readers can take one away. Raises InvalidValue with the row and the column.
    """
    # Text that isn't Unicode is escaped by the stream itself, see ``app.main``.
    writer = csv.writer(_LineFeeds(stream), lineterminator="\r\n")
    writer.writerow(header)
    for number, row in enumerate(rows):
        writer.writerow([_field(value, f"rows[{number}].{name}") for name, value in zip(header, row, strict=True)])
    stream.flush()


class _LineFeeds:
    """Ends each row with a line feed only; the writer is told of both characters, so that it quotes them in fields."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        self._stream.write(row.removesuffix("\r\n") + "\n")


def _field(value: Any, path: str) -> Any:
    if value is None or isinstance(value, float | Decimal) or type(value) is int:
        return value  # a number is no formula even with a leading minus
    plain = to_json_value(value, path)
    if isinstance(plain, bool | list | dict):
        return json.dumps(plain, ensure_ascii=False)
    return f"'{plain}" if isinstance(plain, str) and plain.startswith(_FORMULA_PREFIXES) else plain


_FORMULA_PREFIXES = ("'", "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
