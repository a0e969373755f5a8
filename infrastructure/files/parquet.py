"""Lists as Parquet. Columns have the types of the fields, except for very large integers."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from types import NoneType
from typing import Any, BinaryIO, Final, get_args

import pyarrow as arrow
from pyarrow import parquet

from ...domain.errors import InvalidValue
from .json_values import to_json_value

_ROWS_AT_ONCE: Final = 10_000

_TYPES: dict[Any, Any] = {
    int: arrow.int64(),
    float: arrow.float64(),
    bool: arrow.bool_(),
    datetime: arrow.timestamp("us", tz="UTC"),
    date: arrow.date32(),
}
_TEXT: Any = arrow.string()
_INTEGERS: tuple[tuple[int, int, Any], ...] = (
    (-(2**63), 2**63 - 1, arrow.int64()),
    (1 - 10**38, 10**38 - 1, arrow.decimal128(38, 0)),
)
"""The least and the greatest integer of each type; larger ones are text."""


def write_parquet(file: BinaryIO, columns: Mapping[str, Any], records: Iterator[list[Any]]) -> None:
    """Write the rows; the file must be readable, too. Raises InvalidValue."""
    schema: Any = arrow.schema([(name, _TYPES.get(of, _TEXT)) for name, of in _types(columns)])
    writer = parquet.ParquetWriter(file, schema)
    try:
        for first, page in _batches(records):
            wide = _widen(schema, page)
            if wide != schema:
                writer.close()
                schema = wide
                writer = _rewrite(file, schema)
            writer.write_table(_table(schema, page, first))
    finally:
        writer.close()


def read_columns(path: Path, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The values of some columns, row by row. All columns are read, so what can't be is found."""
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)


def _batches(records: Iterator[list[Any]]) -> Iterator[tuple[int, list[list[Any]]]]:
    """Bounded batches, each with the number of its first row."""
    first = 0
    while page := list(islice(records, _ROWS_AT_ONCE)):
        yield first, page
        first += len(page)


def _types(columns: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and types; for an optional type the type without None."""
    for name, hint in columns.items():
        either = [one for one in get_args(hint) if one is not NoneType]
        yield name, either[0] if either else hint


def _widen(schema: Any, page: list[list[Any]]) -> Any:
    """The schema with wider types where an integer of the batch is too large."""
    integers = [type for _, _, type in _INTEGERS]
    for place, field in enumerate(schema):
        if field.type in integers:
            held = [row[place] for row in page if isinstance(row[place], int)] or [0]
            least, most = min(held), max(held)
            fits = (low <= least and most <= high for low, high, _ in _INTEGERS)
            fitting = next((number for number, fit in enumerate(fits) if fit), len(integers))
            if fitting > integers.index(field.type):
                schema = schema.set(place, field.with_type([*integers, _TEXT][fitting]))
    return schema


def _rewrite(file: BinaryIO, schema: Any) -> Any:
    """Rewrite the file with this schema, and return a writer that continues it."""
    with TemporaryFile() as before:
        file.seek(0)
        shutil.copyfileobj(file, before)
        file.seek(0)
        file.truncate()
        writer = parquet.ParquetWriter(file, schema)
        for batch in parquet.ParquetFile(before).iter_batches(_ROWS_AT_ONCE):
            writer.write_table(arrow.Table.from_batches([batch]).cast(schema))
    return writer


def _table(schema: Any, page: list[list[Any]], first: int) -> Any:
    columns: list[Any] = []
    for place, field in enumerate(schema):
        paths = (f"rows[{number}].{field.name}" for number in range(first, first + len(page)))
        values = [_value(row[place], field.type, path) for row, path in zip(page, paths, strict=False)]
        try:
            columns.append(arrow.array(values, field.type))
        except (arrow.ArrowException, OverflowError, TypeError, ValueError) as error:
            where = f"rows[{first}] to rows[{first + len(page) - 1}], {field.name}"
            raise InvalidValue(where, f"not all of it is of type {field.type}: {error}") from error
    return arrow.Table.from_arrays(columns, schema=schema)


def _value(value: Any, type: Any, path: str) -> Any:
    """The value in the column's type. A value that fits no Parquet type is JSON, unless it is text already."""
    if value is None:
        return None
    if type == _TEXT:
        plain = to_json_value(value, path)
        text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
        return text.encode(errors="backslashreplace").decode()
    if isinstance(value, Enum):
        value = value.value
    return Decimal(value) if arrow.types.is_decimal(type) and isinstance(value, int) else value
