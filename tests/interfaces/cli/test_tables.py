import csv
import io
from datetime import UTC, datetime

from flowledger.infrastructure.files.csv import write_csv


def test_a_list_as_csv_is_read_back_as_it_was() -> None:
    stream = io.StringIO()
    at = datetime(2025, 5, 4, 9, 30, tzinfo=UTC)
    write_csv(stream, ["id", "at", "ok", "n"], [['a "b", c\nd', at, True, None], ["é", at, False, [1, "x"]]])
    assert list(csv.reader(io.StringIO(stream.getvalue()))) == [
        ["id", "at", "ok", "n"],
        ['a "b", c\nd', "2025-05-04T09:30:00+00:00", "true", ""],
        ["é", "2025-05-04T09:30:00+00:00", "false", '[1, "x"]'],
    ]


def test_an_empty_list_has_its_titles() -> None:
    stream = io.StringIO()
    write_csv(stream, ["id", "at"], [])
    assert stream.getvalue() == "id,at\n"
