"""Worker processes on one store, started and ended by a test, and how far they have got."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from . import journal

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds without any progress after which nothing is expected any more; machines may be slow."""


def wait_for(folder: Path, reached: Callable[[], bool]) -> None:
    """Wait until it is so, for as long as anything goes on at all among those whose journals are there."""
    size, since = journal.size(folder), time.monotonic()
    while not reached():
        if (now := journal.size(folder)) != size:
            size, since = now, time.monotonic()
        assert time.monotonic() - since < PATIENCE, "nothing has happened for a long time"
        time.sleep(0.05)


class Process:
    """A Python process of ours, in a network namespace of its own if one is named."""

    def __init__(self, module: str, *arguments: str, namespace: str | None = None) -> None:
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        self._process = subprocess.Popen(
            [*inside, sys.executable, "-m", f"tests.cluster.{module}", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL

    def stall(self) -> None:
        """It does nothing until it goes on, and knows nothing of it."""
        self._process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(PATIENCE) == 0

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def discard(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


class Cluster:
    """So many worker processes and a desk. Those that die are replaced by others of new names."""

    def __init__(
        self, url: str, folder: Path, *, runs: int, workers: int = 3, lease: float = 3.0, rate: float = float("inf")
    ) -> None:
        self.url = url
        self.folder = folder
        self.runs = runs
        self.lease = lease
        self._numbers = count()
        self._all: list[Process] = []
        self.desk = self._start("desk", "desk", str(runs), str(rate))
        self.workers = [self._worker(place) for place in range(workers)]

    def replace(self, worker: Process) -> None:
        worker.kill()
        place = self.workers.index(worker)
        self.workers[place] = self._worker(place)

    def acknowledged(self) -> int:
        """The number of events that the store has acknowledged to anyone."""
        return sum(path.read_bytes().count(b'"acknowledged"') for path in self.folder.iterdir())

    def wait_for(self, reached: Callable[[], bool]) -> None:
        wait_for(self.folder, reached)

    def advance(self, events: int, within: float) -> bool:
        """Wait until so many more events are acknowledged, for so many seconds at most. Whether they were."""
        target, until = self.acknowledged() + events, time.monotonic() + within
        while self.acknowledged() < target:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        for process in (self.desk, *self.workers):
            process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._all:
            process.discard()

    def _worker(self, place: int) -> Process:
        return self._start("host", f"worker-{next(self._numbers)}-{place}")

    def _start(self, module: str, name: str, *more: Sequence[str]) -> Process:
        process = Process(module, self.url, str(self.folder), name, str(self.lease), *map(str, more))
        self._all.append(process)
        return process
