"""A store with very many runs on PostgreSQL: a few that really ran, and copies of them under other names and times."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice, pairwise, product
from struct import Struct

import orjson
import psycopg

import flowledger as fl
from flowledger.infrastructure.storage.codec import BODY, PLAIN, chain_digest, initial_digest

WORKFLOWS, VERSIONS, ACTORS, CUSTOMERS, NODES = 20, 3, 100, 100, 8
EVENTS = NODES + 2
"""Of one run: one opens its work order, one starts it, and each node adds one."""

FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)
BETWEEN_RUNS = timedelta(seconds=3)

_ENDINGS = {"completed": 9_610, "failed": 280, "paused": 100, "cancelled": 10}
"""Of ten thousand runs. Cancelled ones have an event more."""
_RUNS_OF_A_COMMIT = 20_000
_TEMPLATES_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=100)
_DIGITS = 11
"""Of a time in microseconds, so many tell when its run began: none of them takes a tenth of a second."""


@dataclass(frozen=True)
class _Template:
    """A run as it lies in the store: its own events and those of its work order, in the order of the log."""

    ids: Sequence[bytes]
    """Of the work order and of the run."""
    began: bytes
    """The first digits of all its times."""
    streams: Sequence[int]
    """Of each event: which of the ids."""
    types: Sequence[str]
    bodies: bytes
    """One a line."""


def run_id_of(number: int) -> str:
    """The id of a copy: of the form that runs get."""
    return f"00000000-0000-7000-8000-{number:012}"


def began_at(number: int) -> datetime:
    """When a copy began."""
    return FIRST_RUN + number * BETWEEN_RUNS


def fill(url: str, runs: int) -> None:
    """Make a store of so many runs, ten events each, of which its index and its search know nothing yet."""
    templates = _run_some(url)
    chance = random.Random(runs)
    endings = chance.choices(list(_ENDINGS), list(_ENDINGS.values()), k=runs)
    copies = enumerate(chance.choice(templates[ending]) for ending in endings)
    with psycopg.connect(url, autocommit=True) as connection:
        while batch := list(islice(copies, _RUNS_OF_A_COMMIT)):
            _copy(connection, batch)
        connection.execute("UPDATE flowledger_index SET revision = 0")
        connection.execute("VACUUM ANALYZE")


# --- the runs that are copied -----------------------------------------------------------------------------------------


def _run_some(url: str) -> dict[str, list[_Template]]:
    """One run of each version of each workflow for each way to end."""
    clock = _Clock()
    runs: dict[str, list[fl.Run]] = {ending: [] for ending in _ENDINGS}
    with fl.open_ledger(url, _executors(), clock) as ledger:
        for workflow, version in product(range(WORKFLOWS), range(1, VERSIONS + 1)):
            workflow_id = f"workflow{workflow:02}"
            ledger.workflows.save(_definition(version), workflow_id=workflow_id, by="actor00")
            for ending, ended in runs.items():
                clock.begin_a_run()
                payload = {
                    "customer": "customer00",
                    "parcel": "parcel0000000000",
                    "text": "deliver before noon",
                    "total": 10 * version,
                    "ending": ending,
                }
                run = ledger.runs.start(workflow_id, payload=payload, by="actor00")
                if ending == "cancelled":
                    run = ledger.runs.cancel(run.id, by="actor00")
                assert run.status == ending, run
                ended.append(run)
    with psycopg.connect(url) as connection:
        return {ending: [_template(connection, run) for run in ended] for ending, ended in runs.items()}


class _Clock:
    """Goes on by a tick when it is read."""

    def __init__(self) -> None:
        self._now = _TEMPLATES_BEGIN

    def __call__(self) -> datetime:
        self._now += _TICK
        return self._now

    def begin_a_run(self) -> None:
        self._now = self._now.replace(microsecond=0) + timedelta(seconds=1)


def _definition(version: int) -> dict[str, object]:
    names = [f"node{number}" for number in range(1, NODES + 1)]
    return {
        "nodes": [
            {"id": name, "type": "step", "data": {"version": version, **_DATA[name == "node1"]}} for name in names
        ],
        "edges": [{"source": name, "target": following} for name, following in pairwise(names)],
    }


_DATA = [
    {"parcel": "{{ nodes.node1.last.data.parcel }}", "ending": "{{ nodes.node1.last.data.ending }}"},
    {"parcel": "{{ payload.parcel }}", "ending": "{{ payload.ending }}"},
]
"""What other nodes get, and what the first one gets."""


class Refused(Exception):
    """What failed runs fail with."""


def _executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("step")
    def step(step: fl.StepContext) -> fl.StepResult | fl.Pause:
        ending = step.data["ending"]
        if step.node.id == f"node{NODES}" and ending == "failed":
            raise Refused("nobody was there")
        if step.node.id == f"node{NODES}" and ending != "completed":
            return fl.Pause(reason="somebody must look")
        return fl.StepResult(
            {"parcel": step.data["parcel"], "ending": ending, "weight": 12.5, "notes": ["at the door"]}
        )

    return executors


def _template(connection: psycopg.Connection, run: fl.Run) -> _Template:
    ids = [run.work_order_id, run.id]
    rows = connection.execute(
        "SELECT originator_id, topic, state FROM flowledger_events "
        "WHERE originator_id = ANY (%s) ORDER BY notification_id",
        [ids],
    ).fetchall()
    began = orjson.loads(rows[0][2][BODY:])["recorded_at"]
    return _Template(
        [one.encode() for one in ids],
        str(began)[:_DIGITS].encode(),
        [ids.index(stream) for stream, _, _ in rows],
        [type for _, type, _ in rows],
        b"\n".join(state[BODY:] for _, _, state in rows),
    )


# --- their copies -----------------------------------------------------------------------------------------------------


def _copy(connection: psycopg.Connection, numbered: Sequence[tuple[int, _Template]]) -> None:
    columns = "originator_id, originator_version, topic, state, notification_id"
    with connection.transaction(), connection.cursor() as cursor:
        transaction = cursor.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        assert transaction is not None
        positions = count((transaction[0] << 20) + 1)
        with cursor.copy(f"COPY flowledger_events ({columns}) FROM STDIN (FORMAT BINARY)".encode()) as rows:
            rows.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            for number, template in numbered:
                rows.write(b"".join(_rows(number, template, positions)))
            rows.write(b"\xff\xff")


def _rows(number: int, template: _Template, positions: Iterator[int]) -> Iterator[bytes]:
    run_id = run_id_of(number)
    names = [run_id.replace("-7000-", "-7001-").encode(), run_id.encode()]
    began = str((began_at(number) - _EPOCH) // timedelta(microseconds=1))[:_DIGITS]
    bodies = (
        template.bodies.replace(template.ids[0], names[0])
        .replace(template.ids[1], names[1])
        .replace(template.began, began.encode())
        .replace(b"actor00", b"actor%02d" % (number % ACTORS))
        .replace(b"customer00", b"customer%02d" % (number % CUSTOMERS))
        .replace(b"parcel0000000000", b"parcel%010d" % number)
    ).split(b"\n")
    digests = [initial_digest(name.decode()) for name in names]
    versions = [0, 0]
    for stream, type, body, position in zip(template.streams, template.types, bodies, positions, strict=False):
        event_id = _number(position)
        digests[stream] = chain_digest(digests[stream], event_id, type, body)
        versions[stream] += 1
        state = b"%c%b%b%b" % (PLAIN, event_id, digests[stream], body)
        fields = (names[stream], _number(versions[stream]), type.encode(), state, event_id)
        yield _FIELDS + b"".join(_length(len(value)) + value for value in fields)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = Struct("!h").pack(5)
_length = Struct("!i").pack
_number = Struct("!q").pack
