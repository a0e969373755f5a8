"""One worker process: ``python -m tests.cluster.host URL FOLDER NAME LEASE``. It ends when its input is closed."""

import sys

import flowledger as fl

from .process import opened, told_to_stop


def main(url: str, folder: str, name: str, lease: str) -> None:
    with opened(url, folder, name, float(lease)) as (ledger, journal):
        number, of = int(name.rpartition("-")[2]), 3
        while not told_to_stop.is_set():
            for status in ("active", "error", "paused"):
                try:
                    due = [
                        run.id
                        for run in ledger.history.runs(status=status, limit=200)
                        if hash_of(run.id) % of == number % of
                    ]
                except fl.FlowledgerError:
                    continue
                for run_id in due:
                    try:
                        ledger.runs.proceed(run_id, by=name)
                    except fl.FlowledgerError as error:
                        if not isinstance(error, fl.IllegalTransition):
                            journal.note("refused", run=run_id, error=type(error).__name__, text=str(error)[:200])
            told_to_stop.wait(0.05)


def hash_of(run_id: str) -> int:
    import zlib

    return zlib.crc32(run_id.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
