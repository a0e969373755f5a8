"""How cost grows: with the length of a stream, with the number of writers, with the size of an output."""

from functools import partial

from . import many_writers
from .race import Field
from .report import Row
from .servers import Stores
from .systems import ours, raw


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    lengths = [100, 1_000, 10_000, 100_000, *([] if quick else [1_000_000])]
    writers = [1, 4] if quick else [1, 2, 4, 8, 16, 32, 64]
    outputs = [100, 10_000, 1_000_000] if quick else [100, 1_000, 10_000, 100_000, 1_000_000]
    return [
        *_streams(stores, rounds, lengths),
        *(many_writers.measured(stores, rounds, count, events=64 * (10 if quick else 40)) for count in writers),
        *(_output(stores, rounds, size) for size in outputs),
    ]


def _streams(stores: Stores, rounds: int, lengths: list[int]) -> list[Row]:
    url = stores.postgres()
    rows: list[Row] = []
    for length in lengths:
        name = f"run of {length}"
        ours.store_run(url, name, length)
        field = Field(max(1, 10_000 // length), rounds if length < 100_000 else 5)
        field.enter("raw", partial(raw.fetch_and_load, stream=name), url)
        field.enter("flowledger", partial(ours.replay, run_id=name), url)
        rows.append(field.run().row(f"replay a run of {length:,} events", "run", "flowledger", "raw"))
    return rows


def _output(stores: Stores, rounds: int, size: int) -> Row:
    field = Field(min(200, max(5, 5_000_000 // size)), rounds)
    field.enter("raw", partial(raw.insert, state_bytes=size + 230), stores.postgres())
    field.enter("flowledger", partial(ours.append, output_bytes=size), stores.postgres())
    return field.run().row(f"append alone, outputs of {size:,} bytes", "event", "flowledger", "raw")
