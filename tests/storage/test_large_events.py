"""Events of 16 MB, over a socket and over TCP: all arrive, and no more than a few of them are in memory at a time."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..effort import spread
from .clusters import new_database, over_tcp, running_cluster

SCRIPT = """
import resource, sys
sys.path.insert(0, {here!r})
from events import notes, opened, write
from flowledger.domain.ports import Write

SIZE = 16 * 2**20

def large(number):
    return f"{{number:07}}" + "x" * (SIZE - 7)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

with opened({url!r}) as store:
    write(store, "a", 0, "small")
    before = peak()
    for number in range(15):
        write(store, "a", 1 + number, large(number))
    assert sum(len(event.data["text"]) == SIZE for event in store.read("a")) == 15
    one_by_one = peak()
    for batch in range(5):
        store.append(Write("a", 16 + 3 * batch, notes(*map(large, range(15 + 3 * batch, 18 + 3 * batch)))))
    for read in (store.read("a", after=1), store.tail()):
        numbers = [int(event.data["text"][:7]) for event in read if len(event.data["text"]) == SIZE]
        assert numbers == list(range(30)), numbers
    print(*((bytes - before) / SIZE for bytes in (one_by_one, peak())))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with running_cluster() as server:
        yield server


@pytest.mark.exhaustive
@pytest.mark.parametrize("way", spread(["socket", "tcp"], by_default=["socket"]))
def test_large_events_are_written_and_read_in_bounded_memory(cluster: Any, way: str) -> None:
    url = new_database(cluster.get_uri() if way == "socket" else over_tcp(cluster))
    script = SCRIPT.format(here=str(Path(__file__).parent), url=url)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    one_by_one, three_at_once = map(float, done.stdout.split())
    assert one_by_one < 10
    assert three_at_once < 14
