"""Logs of rows in memory that is shared by all who open them: a sound one, and some that are wrong on purpose."""

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from flowledger.stores import AppendRefused, EventLog, LogRow, NewRow

from .broken_stores import MOMENT


class Disk:
    """What outlives those who open it: rows in the order of their commits."""

    def __init__(self) -> None:
        self.rows: list[LogRow] = []
        self.positions = 0
        self.lock = Lock()

    def lose_newest(self) -> None:
        self.rows.pop()


class DiskLog(EventLog):
    """A sound one."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        with self._disk.lock:
            self._check(rows)
            return self._put(rows)

    def _check(self, rows: Sequence[NewRow]) -> None:
        heads: dict[str, int] = {}
        for row in rows:
            head = heads.get(row.stream, self._head(row.stream))
            if row.version != head + 1:
                raise AppendRefused(f"{row.stream!r} is at {head}")
            heads[row.stream] = row.version

    def _head(self, stream: str) -> int:
        return max((row.version for row in self._disk.rows if row.stream == stream), default=0)

    def _put(self, rows: Sequence[NewRow]) -> list[int]:
        first = self._disk.positions + 1
        self._disk.positions += len(rows)
        self._disk.rows += [
            LogRow(row.stream, row.version, position, row.type, row.state) for position, row in enumerate(rows, first)
        ]
        return list(range(first, first + len(rows)))

    def stream(self, stream: str, after: int, upto: int | None, *, backwards: bool = False) -> Iterable[LogRow]:
        with self._disk.lock:
            found = [
                row
                for row in self._disk.rows
                if row.stream == stream and row.version > after and (upto is None or row.version <= upto)
            ]
        return sorted(found, key=lambda row: row.version, reverse=backwards)

    def tail(self, after: int) -> Iterable[LogRow]:
        with self._disk.lock:
            return sorted((row for row in self._disk.rows if row.position > after), key=lambda row: row.position)


class LastWriteWins(DiskLog):
    """Puts what comes last in the place of what is there."""

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        with self._disk.lock:
            places = {(row.stream, row.version) for row in rows}
            self._disk.rows = [row for row in self._disk.rows if (row.stream, row.version) not in places]
            return self._put(rows)


class NoLookBehind(DiskLog):
    """Refuses a version that is taken, and takes any that is free."""

    def _check(self, rows: Sequence[NewRow]) -> None:
        taken = {(row.stream, row.version) for row in self._disk.rows}
        if any((row.stream, row.version) in taken for row in rows):
            raise AppendRefused("taken")


class LateCommits(DiskLog):
    """Gives out positions like a sequence: before the commit, so that commits come in another order."""

    pause = MOMENT

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        with self._disk.lock:
            first = self._disk.positions + 1
            self._disk.positions += len(rows)
        if first % 3 == 0:
            time.sleep(self.pause)
        numbered = [LogRow(row.stream, row.version, first + at, row.type, row.state) for at, row in enumerate(rows)]
        with self._disk.lock:
            self._check(rows)
            self._disk.rows += numbered
        return [row.position for row in numbered]


class LateCommitsAtOnce(LateCommits):
    """The same, without any pause between the two."""

    pause = 0.0


class PositionsCounted(DiskLog):
    """Counts the rows for the next position before it has the lock."""

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        first = len(self._disk.rows) + 1
        time.sleep(MOMENT)
        with self._disk.lock:
            self._check(rows)
            self._disk.positions = first - 1
            return self._put(rows)


class PositionsInBlocks(DiskLog):
    """Takes positions in blocks, so that each opener has a supply of its own."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self._supply: Iterator[int] = iter(())

    def _put(self, rows: Sequence[NewRow]) -> list[int]:
        positions = list(itertools.islice(self._supply, len(rows)))
        if len(positions) < len(rows):
            first = self._disk.positions + 1
            self._disk.positions += 10 * len(rows)
            self._supply = iter(range(first, self._disk.positions + 1))
            positions = list(itertools.islice(self._supply, len(rows)))
        self._disk.rows += [
            LogRow(row.stream, row.version, position, row.type, row.state)
            for position, row in zip(positions, rows, strict=True)
        ]
        return positions


class InTheOpen(DiskLog):
    """Puts rows one by one, and takes them back when one of them is refused."""

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        put: list[int] = []
        for row in rows:
            with self._disk.lock:
                try:
                    self._check([row])
                except AppendRefused:
                    self._disk.rows = [each for each in self._disk.rows if each.position not in put]
                    raise
                put += self._put([row])
        return put


class ForgetsTheLast(DiskLog):
    """Who opens it doesn't find what was appended last."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        if disk.rows:
            disk.rows.pop()


class InMemoryAtFirst(DiskLog):
    """Keeps what is appended to itself, until it is closed."""

    def __init__(self, disk: Disk) -> None:
        self._mine = Disk()
        self._mine.rows, self._mine.positions = list(disk.rows), disk.positions
        self._others = disk
        super().__init__(self._mine)

    def close(self) -> None:
        self._others.rows, self._others.positions = list(self._mine.rows), self._mine.positions


class Busy(DiskLog):
    """Drops an append that would have to wait for another one, and acknowledges it."""

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        if not self._disk.lock.acquire(blocking=False):
            return range(self._disk.positions + 1, self._disk.positions + 1 + len(rows))
        try:
            self._check(rows)
            time.sleep(MOMENT)
            return self._put(rows)
        finally:
            self._disk.lock.release()


class RememberedTail(DiskLog):
    """Keeps pages of the log that it has read once."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self._read: dict[int, list[LogRow]] = {}

    def tail(self, after: int) -> Iterable[LogRow]:
        if after not in self._read:
            self._read[after] = list(super().tail(after))
        return self._read[after]


class OneCase(DiskLog):
    """Doesn't tell capitals from small letters, as databases do that compare text by a language's rules."""

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        return super().append([row._replace(stream=row.stream.lower()) for row in rows])

    def stream(self, stream: str, after: int, upto: int | None, *, backwards: bool = False) -> Iterable[LogRow]:
        return super().stream(stream.lower(), after, upto, backwards=backwards)


class CutOff(DiskLog):
    """Keeps the beginning of what is large."""

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        return super().append([row._replace(state=row.state[: 2**16]) for row in rows])
