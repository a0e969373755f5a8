"""The worker of a process: the product's own, which never ends."""

from typing import Any

from flowledger.infrastructure.operations.work import POLL

from .faults import LEASE
from .scheduler import SECOND

LATEST = LEASE + int(1.5 * POLL * SECOND)
"""Microseconds after which somebody goes on with what is due, at the latest, where all goes well and workers are free:
a lease may have to run out first, and nobody may be woken."""


def work(process: Any) -> None:
    process.ledger.worker(process.name, process.world.concurrency, lease=LEASE / SECOND).run()
