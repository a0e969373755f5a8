"""What a step costs besides time, counted from outside: round trips, durable commits, bytes in tables and log."""

import select
import socket
import sqlite3
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from .workers import Opener, Unavailable, Worker


@dataclass(frozen=True)
class Counts:
    """Per unit of work, what came on top when there was more of it. None: there is no such thing here."""

    round_trips: float | None
    commits: float
    table_bytes: float
    log_bytes: float | None

    def __str__(self) -> str:
        trips = "" if self.round_trips is None else f"{self.round_trips:.2f} round trips, "
        log = "" if self.log_bytes is None else f", {self.log_bytes:,.0f} B of WAL"
        return f"{trips}{self.commits:.2f} commits, {self.table_bytes:,.0f} B{log}"


def counted(opener: Opener, url: str, units: int) -> Counts | None:
    """Counts per unit: the difference between four times the work and the work. None when it can't take part."""
    try:
        return _on_sqlite(opener, url, units) if url.startswith("sqlite") else _on_postgres(opener, url, units)
    except Unavailable:
        return None


def _on_postgres(opener: Opener, url: str, units: int) -> Counts:
    with _Proxy(url) as proxy, Worker(opener, proxy.url) as work, psycopg.connect(url, autocommit=True) as meter:

        def read() -> list[int]:
            # Every transaction that writes takes one number, and is made durable once.
            row = meter.execute(
                "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_database_size(current_database()),"
                " (pg_current_wal_insert_lsn() - '0/0')::bigint"
            ).fetchone()
            assert row is not None
            return [proxy.round_trips, *row]

        trips, commits, table, log = _slope(work, read, units)
        return Counts(trips, commits, table, log)


def _on_sqlite(opener: Opener, url: str, units: int) -> Counts:
    path = Path(url.removeprefix("sqlite:///"))
    with Worker(opener, url) as work:
        work(1)  # it makes the file
        meter = sqlite3.connect(path)

        def read() -> list[int]:
            (size,) = meter.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
            return [_commits(path), size]

        commits, table = _slope(work, read, units)
        meter.close()
        return Counts(None, commits, table, None)


def _commits(path: Path) -> int:
    """The number of committed transactions as SQLite itself keeps it, modulo 2³².

    With a write-ahead log it is in the header of the index that processes share, else in that of the file.
    """
    index = path.with_name(f"{path.name}-shm")
    if index.exists():
        return int(struct.unpack_from("=I", index.read_bytes(), 8)[0])
    with path.open("rb") as file:
        return int(struct.unpack_from(">I", file.read(28), 24)[0])


def _slope(work: Worker, read: Callable[[], list[int]], units: int) -> list[float]:
    """Per unit, free of what one call costs whatever its size."""
    work(units)
    readings = [read()]
    for size in (units, 4 * units):
        work(size)
        readings.append(read())
    first, middle, last = readings
    return [((end - turn) - (turn - begin)) / (3 * units) for begin, turn, end in zip(first, middle, last, strict=True)]


class _Proxy:
    """Stands between client and server and counts how often a client speaks after it was answered."""

    def __init__(self, url: str) -> None:
        settings = conninfo_to_dict(url)
        self._host, self._port = str(settings["host"]), int(settings.get("port") or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{settings['user']}@127.0.0.1:{port}/{settings['dbname']}"
        self.round_trips = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed: nobody comes any more
                return
            threading.Thread(target=self._relay, args=(client, self._connect()), daemon=True).start()

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or the end of a large answer waits for 40 ms
        other = {client: server, server: client}
        answered = True
        with client, server:
            while True:
                for speaker in select.select([client, server], [], [])[0]:
                    try:
                        said = speaker.recv(2**16)
                    except ConnectionError:
                        return
                    if not said:
                        return
                    if speaker is client and answered:
                        with self._lock:
                            self.round_trips += 1
                    answered = speaker is server
                    other[speaker].sendall(said)
