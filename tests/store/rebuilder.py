"""Rebuilds the index; says each time before it reads on, and does so when it is told to: rebuilder.py URL."""

import sys
from contextlib import closing
from typing import Any

from flowledger.infrastructure.store.backends import open_store


def main(url: str) -> None:
    with closing(open_store(url)) as store:
        read = store._recorder.indexed_page

        def read_when_told(after: int, *, settled: bool) -> Any:
            print("settled" if settled else "swapping", flush=True)
            sys.stdin.readline()
            return read(after, settled=settled)

        store._recorder.indexed_page = read_when_told  # type: ignore[method-assign]
        store.rebuild_index()


main(sys.argv[1])
