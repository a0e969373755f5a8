"""Lists as files: CSV, JSON, JSON lines or Parquet, by the name's ending. Written whole or not at all, row by row."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO, Final, get_args, get_type_hints

from ...domain.errors import InvalidRequest
from .csv_text import print_csv
from .writing import write_file

_ROWS_AT_ONCE: Final = 10_000


def write_rows(path: str | Path, kind: type[Any], rows: Iterable[Any]) -> int:
    """Write rows, dataclasses of one ``kind``, into a file, and return how many there were.

    The ending says how: ``.csv``, ``.json``, ``.jsonl`` or ``.parquet`` (which needs ``flowledger[parquet]``). The file
    is replaced when the new one is complete; memory doesn't grow with the rows. Times are ISO 8601, in Parquet UTC
    timestamps; lists and objects are JSON. Text stays as it is, so a spreadsheet may take what begins with ``=`` for a
    formula.

    Raises InvalidRequest for another ending or a missing library, StorageUnavailable when the file can't be written.
    """
    target = Path(path)
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise InvalidRequest(
            f"{target.name!r} ends with none of {', '.join(_WRITERS)}: the ending says how to write it"
        )
    if not is_dataclass(kind):
        raise InvalidRequest(f"{kind!r} is no dataclass, so its rows have no columns")
    if write is _parquet:
        _pyarrow()
    counted = _Counted(rows)
    write_file(target, lambda file: write(file, kind, iter(counted)))
    return counted.count


class _Counted:
    def __init__(self, rows: Iterable[Any]) -> None:
        self.count = 0
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            self.count += 1
            yield row


def _csv(file: BinaryIO, kind: type[Any], rows: Iterator[Any]) -> None:
    names = [one.name for one in fields(kind)]
    text = TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    print_csv(text, names, ([getattr(row, name) for name in names] for row in rows))
    text.detach()


def _json(file: BinaryIO, _: type[Any], rows: Iterator[Any]) -> None:
    file.write(b"[")
    for number, row in enumerate(rows):
        file.write((",\n" if number else "\n").encode() + _object(row))
    file.write(b"\n]\n")


def _json_lines(file: BinaryIO, _: type[Any], rows: Iterator[Any]) -> None:
    for row in rows:
        file.write(_object(row) + b"\n")


def _parquet(file: BinaryIO, kind: type[Any], rows: Iterator[Any]) -> None:
    arrow = _pyarrow()
    from pyarrow import parquet

    types = {int: arrow.int64(), float: arrow.float64(), datetime: arrow.timestamp("us", tz="UTC"), bool: arrow.bool_()}
    schema = arrow.schema([(name, types.get(of, arrow.string())) for name, of in _columns(kind)])
    texts = [field.name for field in schema if field.type == arrow.string()]
    with parquet.ParquetWriter(file, schema) as writer:
        while page := [asdict(row) for row in islice(rows, _ROWS_AT_ONCE)]:
            for row in page:
                row |= {name: _text(row[name]) for name in texts}
            writer.write_table(arrow.Table.from_pylist(page, schema=schema))


def _columns(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """Names and types; of a type that may be None, the other one."""
    for name, hint in get_type_hints(kind).items():
        either = [one for one in get_args(hint) if one is not NoneType]
        yield name, either[0] if either else hint


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise InvalidRequest("Parquet files need pyarrow: pip install 'flowledger[parquet]'") from error
    return pyarrow


def _text(value: Any) -> str | None:
    """What no type of Parquet's fits is JSON, unless it is text already."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()


def _object(row: Any) -> bytes:
    text = json.dumps({name: _plain(value) for name, value in asdict(row).items()}, ensure_ascii=False)
    return text.encode(errors="backslashreplace")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


_WRITERS: dict[str, Callable[[BinaryIO, type[Any], Iterator[Any]], None]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
