"""Lists as files: every ending is read back as it was written, and a file is there whole or not at all."""

import csv
import enum
import json
import math
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pyarrow import parquet

import flowledger as fl

ENDINGS = ("csv", "json", "jsonl", "parquet")
ODD = (
    "plain",
    "a/b\\c",
    'o\'clock "quoted"',
    "\N{GRINNING FACE} ü",
    '=HYPERLINK("x")',
    "+1",
    "@sum",
    "a,b;c\td",
    "two\nlines",
    "carriage\rreturn",
    "both\r\n",
    " spaces ",
    "null",
    "\0",
    "'quoted",
    "''",
    "-1",
    "\ttab",
    "\nline",
)
AT = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    id: str
    count: int
    at: datetime
    ended: datetime | None
    ratio: float
    ok: bool
    reason: str | None
    found: Any


ROWS = [
    Row(
        text,
        number,
        AT + timedelta(days=number),
        None if number % 2 else AT,
        number / 3,
        number % 3 == 0,
        None if number % 2 else text,
        {"nodes": [text]} if number % 2 else None,
    )
    for number, text in enumerate(ODD)
]


def of_csv(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(
                text(row["id"]),
                int(row["count"]),
                datetime.fromisoformat(row["at"]),
                moment(row["ended"]),
                float(row["ratio"]),
                row["ok"] == "true",
                text(row["reason"]) or None,
                json.loads(row["found"] or "null"),
            )
            for row in csv.DictReader(file, strict=True)
        ]


def of_object(row: dict[str, Any]) -> Row:
    return Row(**row | {"at": datetime.fromisoformat(row["at"]), "ended": moment(row["ended"])})


def of_parquet(path: Path) -> list[Row]:
    rows = parquet.read_table(path).to_pylist()
    return [Row(**row | {"found": json.loads(row["found"] or "null")}) for row in rows]


def text(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    assert not cell.startswith(("=", "+", "-", "@"))
    return cell.removeprefix("'")


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


READERS: dict[str, Callable[[Path], list[Row]]] = {
    "csv": of_csv,
    "json": lambda path: [of_object(row) for row in json.loads(path.read_bytes())],
    "jsonl": lambda path: [of_object(json.loads(line)) for line in path.read_bytes().split(b"\n")[:-1]],
    "parquet": of_parquet,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_format_is_read_back_as_it_was_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"list.{ending.upper()}"
    assert fl.write_rows(path, Row, iter(ROWS)) == len(ROWS)
    assert READERS[ending](path) == ROWS


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_list_is_a_file_too(tmp_path: Path, ending: str) -> None:
    assert fl.write_rows(str(tmp_path / f"list.{ending}"), Row, []) == 0
    assert READERS[ending](tmp_path / f"list.{ending}") == []


def test_a_list_of_many_pages_is_complete(tmp_path: Path) -> None:
    many = (Row(str(n), n, AT, None, 0.0, True, None, None) for n in range(25_000))
    assert fl.write_rows(tmp_path / "many.parquet", Row, many) == 25_000
    assert parquet.read_table(tmp_path / "many.parquet")["count"].to_pylist() == list(range(25_000))


def test_types_of_columns_do_not_depend_on_the_rows(tmp_path: Path) -> None:
    fl.write_rows(tmp_path / "none.parquet", Row, [])
    fl.write_rows(tmp_path / "some.parquet", Row, ROWS)
    schema = parquet.read_schema(tmp_path / "none.parquet")
    assert schema == parquet.read_schema(tmp_path / "some.parquet")
    assert [str(field.type) for field in schema] == [
        "string",
        "int64",
        "timestamp[us, tz=UTC]",
        "timestamp[us, tz=UTC]",
        "double",
        "bool",
        "string",
        "string",
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_not_unicode_is_escaped(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"list.{ending}"
    fl.write_rows(path, Row, [Row("\ud800", 1, AT, None, 0.0, True, None, None)])
    assert b"\\ud800" in path.read_bytes()


def test_a_summary_of_runs_and_work_orders_keeps_its_columns(tmp_path: Path) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: None)
    with fl.open_ledger("memory:", executors) as ledger:
        for workflow_id in ODD[:6]:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id=workflow_id)
            ledger.runs.start(workflow_id, by=workflow_id)
        runs, orders = ledger.history.runs(), ledger.history.work_orders()
    for kind, rows in ((fl.RunSummary, runs), (fl.WorkOrderSummary, orders)):
        fl.write_rows(tmp_path / "list.parquet", kind, rows)
        assert parquet.read_table(tmp_path / "list.parquet").to_pylist() == [
            {name: value for name, value in asdict(row).items() if name not in ("columns", "matches")} for row in rows
        ]
        fl.write_rows(tmp_path / "list.csv", kind, rows)
        with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        assert [text(row["workflow_id"]) for row in found] == [*reversed(ODD[:6])]


@pytest.mark.parametrize("name", ["list", "list.txt", "list.csv.gz", ".csv"])
def test_an_ending_that_says_no_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"ends with none of \.csv, \.json, \.jsonl, \.parquet"):
        fl.write_rows(tmp_path / name, Row, ROWS)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_are_no_dataclass_have_no_columns(tmp_path: Path) -> None:
    with pytest.raises(fl.InvalidRequest, match="no dataclass"):
        fl.write_rows(tmp_path / "list.csv", dict, [{}])
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(fl.InvalidRequest, match=r"pip install 'flowledger\[parquet\]'"):
        fl.write_rows(tmp_path / "list.parquet", Row, ROWS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_that_stop_coming_leave_the_file_as_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"list.{ending}"

    def rows() -> Iterator[Row]:
        yield from ROWS
        raise fl.StorageUnavailable("the store is away")

    with pytest.raises(fl.StorageUnavailable, match="the store is away"):
        fl.write_rows(path, Row, rows())
    assert list(tmp_path.iterdir()) == []
    fl.write_rows(path, Row, ROWS[:1])
    with pytest.raises(fl.StorageUnavailable, match="the store is away"):
        fl.write_rows(path, Row, rows())
    assert READERS[ending](path) == ROWS[:1]
    assert list(path.parent.iterdir()) == [path]


FILLER = """
import sys
from dataclasses import dataclass
import flowledger as fl

@dataclass
class Row:
    id: str

try:
    fl.write_rows(sys.argv[1], Row, (Row(f"{n * 2_654_435_761 % 2**64:x}") for n in range(200_000)))
except fl.StorageUnavailable as error:
    print(error)
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_no_half_file_and_keeps_the_old_one(tmp_path: Path, ending: str) -> None:
    new, old = tmp_path / f"new.{ending}", tmp_path / f"old.{ending}"
    old.write_text("what was there")
    for path in (new, old):
        done = subprocess.run(
            [sys.executable, "-c", FILLER, str(path)],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, 2**18)),
        )
        assert done.stderr == ""
        assert done.stdout == f"can't write {str(path)!r}: File too large\n"
    assert old.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [old]


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "folder.csv").mkdir()
    for name in ("file/list.csv", "folder.csv", f"{'x' * 300}.csv"):
        with pytest.raises(fl.StorageUnavailable, match=r"can't write .*\.csv'"):
            fl.write_rows(tmp_path / name, Row, ROWS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.csv"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link.json", tmp_path / "there" / "list.json"
    link.symlink_to(target)
    fl.write_rows(link, Row, ROWS)
    assert link.is_symlink()
    assert READERS["json"](target) == ROWS


# --- values that applications have ------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    SMALL = 1


@dataclass
class Cell:
    value: Any


@dataclass
class Typed:
    day: date
    at: datetime
    price: Decimal
    key: UUID
    colour: Colour
    size: Size
    count: int | None
    hour: time


DAY, HOUR, PRICE, KEY = date(2026, 2, 3), time(9, 30), Decimal("1.10"), UUID(int=1)
PLAIN: list[tuple[Any, Any]] = [
    (DAY, "2026-02-03"),
    (AT, AT.isoformat()),
    (HOUR, "09:30:00"),
    (PRICE, "1.10"),
    (Decimal("-0"), "-0"),
    (KEY, str(KEY)),
    (Colour.RED, "red"),
    (Size.SMALL, 1),
    (2**63, 2**63),
    (-(2**200), -(2**200)),
    ([DAY, {"p": PRICE, DAY: None}], ["2026-02-03", {"p": "1.10", "2026-02-03": None}]),
    ((1, 2), [1, 2]),
    (Cell(KEY), {"value": str(KEY)}),
    ({1: True}, {"1": True}),
]
"""Values and what they are in JSON."""


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("value", "plain"), PLAIN, ids=repr)
def test_what_applications_have_is_written_in_every_format(tmp_path: Path, ending: str, value: Any, plain: Any) -> None:
    path = tmp_path / f"cells.{ending}"
    assert fl.write_rows(path, Cell, [Cell(value), Cell(None)]) == 2
    shown = plain if isinstance(plain, str) else json.dumps(plain)
    match ending:
        case "json":
            assert json.loads(path.read_text(), parse_constant=refuse) == [{"value": plain}, {"value": None}]
        case "jsonl":
            assert json.loads(path.read_text().splitlines()[0], parse_constant=refuse) == {"value": plain}
        case "csv":
            with path.open(newline="") as file:
                assert [row["value"] for row in csv.DictReader(file)] == [shown, ""]
        case _:
            assert parquet.read_table(path)["value"].to_pylist() == [shown, None]


def test_columns_of_parquet_have_the_types_of_their_fields(tmp_path: Path) -> None:
    path = tmp_path / "typed.parquet"
    fl.write_rows(path, Typed, [Typed(DAY, AT, PRICE, KEY, Colour.RED, Size.SMALL, 7, HOUR)])
    assert [str(field.type) for field in parquet.read_schema(path)] == [
        "date32[day]",
        "timestamp[us, tz=UTC]",
        "string",
        "string",
        "string",
        "string",
        "int64",
        "string",
    ]
    (row,) = parquet.read_table(path).to_pylist()
    assert list(row.values()) == [DAY, AT, "1.10", str(KEY), "red", "1", 7, "09:30:00"]


@dataclass
class Counted:
    count: int | None
    name: str


WIDE = {
    "int64": [2**63 - 1, -(2**63)],
    "decimal128(38, 0)": [2**63, -(2**63) - 1, 10**38 - 1, 1 - 10**38],
    "string": [-(10**38), 10**50],
}


@pytest.mark.parametrize("type", WIDE)
@pytest.mark.parametrize("before", [0, 3, 10_000, 25_000])
def test_an_integer_of_any_size_is_in_parquet_wherever_in_the_list_it_comes(
    tmp_path: Path, type: str, before: int
) -> None:
    rows = [Counted(number, "n") for number in range(before)]
    rows += [Counted(None, "none"), *(Counted(number, "large") for number in WIDE[type]), Counted(5, "last")]
    path = tmp_path / "counted.parquet"
    assert fl.write_rows(path, Counted, iter(rows)) == len(rows)
    table = parquet.read_table(path)
    assert str(table.schema.field("count").type) == type
    assert [None if count is None else int(count) for count in table["count"].to_pylist()] == [
        row.count for row in rows
    ]
    assert table["name"].to_pylist() == [row.name for row in rows]


@dataclass
class Share:
    share: float | None
    count: int | None = None


REFUSED: dict[str, tuple[type[Any], Any, tuple[str, ...], str]] = {
    "NaN": (Share, Share(math.nan), ("json", "jsonl"), r"rows\[1\].share: nan is not JSON"),
    "an infinity": (Share, Share(-math.inf), ("json", "jsonl"), r"rows\[1\].share: -inf is not JSON"),
    "NaN inside": (Cell, Cell({"a": [math.nan]}), ENDINGS, r"rows\[1\].value.a\[0\]: nan is not JSON"),
    "bytes": (Cell, Cell([b"x"]), ENDINGS, r"rows\[1\].value\[0\]: a value of type bytes"),
    "a set": (Cell, Cell({1}), ENDINGS, "a value of type set"),
    "an object": (Cell, Cell(object()), ENDINGS, "a value of type object"),
    "two keys that are one": (Cell, Cell({1: 0, "1": 0}), ENDINGS, "two of its keys are '1'"),
    "text as a number": (Share, Share("half"), ("parquet",), r"rows\[0\] to rows\[1\], share"),  # type: ignore[arg-type]
    "a number that no double is": (Share, Share(2**63 + 1), ("parquet",), "share"),
    "text as an integer": (Share, Share(0.5, "one"), ("parquet",), "count"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(
    ("kind", "ending"), [(kind, ending) for kind, (_, _, endings, _) in REFUSED.items() for ending in endings]
)
def test_what_no_file_can_hold_is_refused_with_its_row_and_field(tmp_path: Path, kind: str, ending: str) -> None:
    type, row, _, message = REFUSED[kind]
    path = tmp_path / f"list.{ending}"
    path.write_text("before")
    with pytest.raises(fl.InvalidValue, match=message):
        fl.write_rows(path, type, [type(None), row])
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_value_that_contains_itself_is_refused(tmp_path: Path) -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(fl.InvalidValue, match="contains itself"):
        fl.write_rows(tmp_path / "list.json", Cell, [Cell(circle)])


def test_what_is_no_number_stays_so_where_the_format_has_it(tmp_path: Path) -> None:
    fl.write_rows(tmp_path / "shares.parquet", Share, [Share(math.nan), Share(math.inf)])
    nan, infinity = parquet.read_table(tmp_path / "shares.parquet")["share"].to_pylist()
    assert nan != nan
    assert infinity == math.inf
    fl.write_rows(tmp_path / "shares.csv", Share, [Share(math.nan), Share(-0.5)])
    assert (tmp_path / "shares.csv").read_text().splitlines() == ["share,count", "nan,", "-0.5,"]


def test_a_row_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"row 1 is no row of this list: .*no attribute 'share'"):
        fl.write_rows(tmp_path / "list.csv", Share, [Share(1.0), Cell(1)])


FORMULAS = ['=HYPERLINK("http://h/","x")', "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "'=1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_finds_no_formula_in_a_text(tmp_path: Path, formula: str) -> None:
    path = tmp_path / "cells.csv"
    fl.write_rows(path, Cell, [Cell(formula), Cell([formula]), Cell(-1)])
    with path.open(newline="") as file:
        one, several, number = (row["value"] for row in csv.DictReader(file))
    assert one == f"'{formula}"
    assert several == json.dumps([formula], ensure_ascii=False)
    assert number == "-1"
