"""Lists as files: CSV, JSON, JSON lines or Parquet, by the name's suffix. Written atomically, row by row."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from ...domain.errors import InvalidRequest
from ...domain.visible import quoted, visible_json
from ...projections.columns import column_types, column_values
from .atomic import write_file
from .csv import write_csv
from .json_values import to_json_value
from .paths import is_special, to_path


def write_rows(path: str | Path, kind: type[Any], rows: Iterable[Any], columns: Sequence[str] = ()) -> int:
    """Write ``rows``, dataclasses of one ``kind``, into a file, and return how many there were.

    The ending of ``path`` says the format: ``.csv``, ``.json``, ``.jsonl`` or ``.parquet`` (which needs
    ``flowledger[parquet]``); a device or pipe without one gets JSON lines. A new file is private (0600, or less by the
    umask); one that is there is replaced when the new one is complete, and keeps its mode and owner. Memory doesn't
    grow with the rows.

    Columns are the fields; ``columns`` names values to come behind them, of runs that were listed with these. Times are
    ISO 8601, in Parquet UTC timestamps; a Decimal or UUID is text, an Enum its value, lists and objects are JSON.
    Integers have any size: a column of Parquet's that 64 bits can't hold is decimal, beyond 38 digits text. In CSV text
    that a spreadsheet would take for a formula gets an apostrophe in front.

    Raises InvalidRequest for another ending or a missing library, InvalidValue with row and field for what can't be
    written (NaN in JSON, bytes, …), StorageUnavailable when the file can't be written. Then nothing changed.
    """
    target = to_path(path)
    ending = target.suffix.lower()
    write = _writer(".jsonl" if ending not in _WRITERS and is_special(target) else ending)
    if write is None:
        raise InvalidRequest(
            f"{target.name!r} ends with none of {', '.join(_WRITERS)}: the ending says how to write it"
        )
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise InvalidRequest(f"{quoted(kind)} is no dataclass, so its rows have no columns")
    records = _Records(rows, kind, columns)
    types = column_types(kind, columns)
    write_file(target, lambda file: write(file, types, iter(records)))
    return records.count


class _Records:
    """The rows as lists of values, counted."""

    def __init__(self, rows: Iterable[Any], kind: type[Any], columns: Sequence[str]) -> None:
        self.count = 0
        self._kind = kind
        self._columns = columns
        self._rows = rows

    def __iter__(self) -> Iterator[list[Any]]:
        for row in self._rows:
            try:
                yield column_values(row, self._kind, self._columns)
            except AttributeError as error:
                raise InvalidRequest(f"row {self.count} is no row of this list: {error}") from error
            self.count += 1


Columns = Mapping[str, Any]
"""The type of each column, by name, in order."""

Write = Callable[[BinaryIO, Columns, Iterator[list[Any]]], None]


def _csv(file: BinaryIO, columns: Columns, records: Iterator[list[Any]]) -> None:
    text = TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    write_csv(text, list(columns), records)
    text.detach()


def _json(file: BinaryIO, columns: Columns, records: Iterator[list[Any]]) -> None:
    file.write(b"[")
    for number, line in enumerate(_objects(columns, records)):
        file.write((b",\n" if number else b"\n") + line)
    file.write(b"\n]\n")


def _json_lines(file: BinaryIO, columns: Columns, records: Iterator[list[Any]]) -> None:
    for line in _objects(columns, records):
        file.write(line + b"\n")


def _objects(columns: Columns, records: Iterator[list[Any]]) -> Iterator[bytes]:
    for number, record in enumerate(records):
        row = {
            name: to_json_value(value, f"rows[{number}].{name}") for name, value in zip(columns, record, strict=True)
        }
        yield visible_json(json.dumps(row, ensure_ascii=False, allow_nan=False)).encode()


def _writer(ending: str) -> Write | None:
    if ending != ".parquet":
        return _WRITERS.get(ending)
    if find_spec("pyarrow") is None:
        raise InvalidRequest("Parquet files need pyarrow: pip install 'flowledger[parquet]'")
    from .parquet import write_parquet

    return write_parquet


_WRITERS: dict[str, Write | None] = {".csv": _csv, ".json": _json, ".jsonl": _json_lines, ".parquet": None}
