"""Rebuilds the index; says each time when it got further, and goes on when it is told to: rebuilder.py URL."""

import sys
from contextlib import closing

from flowledger.infrastructure.store.backends import open_store


def wait(_: float) -> None:
    print("got further", flush=True)
    sys.stdin.readline()


def main(url: str) -> None:
    with closing(open_store(url)) as store:
        store.rebuild_index(wait)


main(sys.argv[1])
