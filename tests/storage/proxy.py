"""A forwarder between a store and its PostgreSQL server that breaks connections where it is told to.

It knows as much of the protocol as that takes: messages have a type byte and a length, except a client's first one.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread
from typing import NamedTuple, Protocol
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

PARSE, QUERY, EXECUTE, COPY_DONE, SYNC = b"P", b"Q", b"E", b"c", b"S"
COPY_IN, READY = b"G", b"Z"
"""Types of messages, to the server and back. QUERY or EXECUTE begins a statement, SYNC ends it, READY its answer."""


class Verdict(Enum):
    PASS = auto()
    WITHHOLD = auto()
    """The message is dropped, the connection stays."""
    BREAK_BEFORE = auto()
    BREAK_HALFWAY = auto()
    """Half of the message still arrives."""
    BREAK_AFTER = auto()


class Faults(Protocol):
    """Says of each message of each connection (by number, in the order of their opening) what becomes of it."""

    def asked(self, connection: int, message: bytes) -> Verdict: ...

    def answered(self, connection: int, message: bytes) -> Verdict: ...


class NoFaults:
    def asked(self, connection: int, message: bytes) -> Verdict:
        return Verdict.PASS

    answered = asked


class Place(Enum):
    """Where, in the course of one statement, the connection breaks."""

    BEFORE = "before the statement reaches the server"
    SENT = "after it was sent, before the server answers"
    COMMITTED = "after the server committed, before the answer reaches the client"
    ANSWERED = "after the answer, before the word that the server is done"


class AtStatements:
    """Breaks connections at statements by number, whatever connection they come on: the next one has number 1."""

    def __init__(self, places: Mapping[int, Place]) -> None:
        self.places = dict(places)
        """What has not happened yet."""
        self._number = 0
        self._broken: dict[int, Place] = {}
        self._copying: set[int] = set()

    def asked(self, connection: int, message: bytes) -> Verdict:
        kind = message[:1]
        if kind in (PARSE, QUERY) and b"COPY " in message:
            self._copying.add(connection)
        if kind == COPY_DONE:
            self._copying.discard(connection)
        if kind in (QUERY, EXECUTE):
            self._number += 1
            if self._number in self.places:
                self._broken[connection] = self.places.pop(self._number)
        place = self._broken.get(connection)
        if place is Place.BEFORE:
            return Verdict.BREAK_BEFORE
        is_whole = kind in (QUERY, SYNC) and connection not in self._copying
        return Verdict.BREAK_AFTER if place is Place.SENT and is_whole else Verdict.PASS

    def answered(self, connection: int, message: bytes) -> Verdict:
        kind, place = message[:1], self._broken.get(connection)
        if place is None or kind == COPY_IN:  # which asks for the rest of the statement
            return Verdict.PASS
        if kind == READY:
            return Verdict.BREAK_BEFORE
        return Verdict.PASS if place is Place.ANSWERED else Verdict.WITHHOLD


class Life(NamedTuple):
    """How many messages a connection lives, on the way to the server or back, and how it ends."""

    to_server: bool
    messages: int
    end: Verdict


class ShortLives:
    """Gives each connection that is used from now on one of the lives; when they are used up, connections stay."""

    def __init__(self, lives: Sequence[Life]) -> None:
        self._left = iter(lives)
        self._lives: dict[int, Life | None] = {}
        self._lock = Lock()

    def asked(self, connection: int, message: bytes) -> Verdict:
        return self._count(connection, to_server=True)

    def answered(self, connection: int, message: bytes) -> Verdict:
        return self._count(connection, to_server=False)

    def _count(self, connection: int, *, to_server: bool) -> Verdict:
        with self._lock:
            if connection not in self._lives:
                self._lives[connection] = next(self._left, None)
            life = self._lives[connection]
            if life is None or life.to_server != to_server:
                return Verdict.PASS
            self._lives[connection] = life._replace(messages=life.messages - 1)
            return life.end if life.messages <= 0 else Verdict.PASS


class Proxy:
    """Listens at ``url`` and forwards to the server of ``server_url``, breaking connections as ``faults`` say."""

    def __init__(self, server_url: str) -> None:
        self.faults: Faults = NoFaults()
        self._server = conninfo_to_dict(server_url)
        self._links: list[_Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = Thread(target=self._accept)
        self._accepting.start()

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        kept = {key: value for key, value in self._server.items() if key not in ("host", "port", "user", "dbname")}
        options = {**kept, "host": "127.0.0.1", "port": port, "sslmode": "disable", "gssencmode": "disable"}
        user, database = self._server.get("user") or "", self._server.get("dbname") or ""
        return f"postgresql://{quote(str(user))}@/{quote(str(database))}?{urlencode(options, quote_via=quote)}"

    def settle(self) -> None:
        """Wait until the server has ended the sessions of all broken connections: from then on nothing comes late."""
        for chain_digest in list(self._links):
            if chain_digest.broken:
                assert chain_digest.ended.wait(60)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for chain_digest in self._links:
            chain_digest.close()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        for number in count():
            try:
                client, _ = self._listener.accept()
            except OSError:  # it was shut down
                return
            # Messages go on one by one, and mustn't wait for the client to confirm the one before.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links.append(_Link(self, number, client, _connect(self._server)))


class _Link:
    """A client's connection and its own to the server, with a thread for each direction."""

    def __init__(self, proxy: Proxy, number: int, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._number = number
        self._client = client
        self._server = server
        self.broken = False
        self.ended = Event()
        self._threads = [Thread(target=self._ask), Thread(target=self._answer)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        _hang_up(self._client)
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        """Until the client hangs up or the connection breaks; the server then sees the end of what was sent."""
        for message in _messages(self._client, first_has_no_type=True):
            if not self._forward(self._proxy.faults.asked(self._number, message), message, self._server):
                break
        self._client.close()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_WR)

    def _answer(self) -> None:
        """Until the server hangs up: what it still says after a break is dropped."""
        for message in _messages(self._server):
            if not self.broken:
                self._forward(self._proxy.faults.answered(self._number, message), message, self._client)
        _hang_up(self._client)
        self._server.close()
        self.ended.set()

    def _forward(self, verdict: Verdict, message: bytes, to: socket.socket) -> bool:
        """Whether the connection goes on."""
        arriving = {
            Verdict.PASS: message,
            Verdict.BREAK_AFTER: message,
            Verdict.BREAK_HALFWAY: message[: len(message) // 2],
        }.get(verdict, b"")
        self.broken |= verdict not in (Verdict.PASS, Verdict.WITHHOLD)
        with suppress(OSError):  # the other side is gone: its own thread sees to that
            to.sendall(arriving)
        if self.broken:
            _hang_up(self._client)
        return not self.broken


def _messages(source: socket.socket, *, first_has_no_type: bool = False) -> Iterator[bytes]:
    """Message by message, each whole, until the connection ends."""
    header = 4 if first_has_no_type else 5
    with suppress(OSError):
        while len(head := source.recv(header, socket.MSG_WAITALL)) == header:
            rest = int.from_bytes(head[-4:], "big") - 4
            yield head + (source.recv(rest, socket.MSG_WAITALL) if rest else b"")
            header = 5


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _connect(server: Mapping[str, object]) -> socket.socket:
    host, port = str(server.get("host") or "localhost"), int(str(server.get("port") or 5432))
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(Path(host) / f".s.PGSQL.{port}"))
    return connection
