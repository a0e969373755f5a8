"""What other processes are asked to do."""

from typing import Any

import flowledger as fl


class Declined(fl.NonRetryable):
    """An application's own: other arguments than a message, some of them by keyword, and a slot."""

    __slots__ = ("code",)

    def __init__(self, card: str, *, code: int, why: Any = None) -> None:
        self.card = card
        self.code = code
        self.why = why
        super().__init__(f"card {card} was declined ({code})")


class TooSlow(fl.FlowledgerError, TimeoutError):
    """One that is a system's error as well, and keeps its arguments elsewhere."""

    def __init__(self, run: fl.Run) -> None:
        self.run = run
        super().__init__(f"{run.id} is still {run.status}")


def version(url: str, number: int) -> int:
    with fl.open_ledger(url) as ledger:
        return ledger.workflows.get("w", version=number).version


def decline(card: str) -> None:
    raise Declined(card, code=51) from ValueError("no money")


def same_snapshot(snapshot: fl.Snapshot) -> fl.Snapshot:
    return snapshot
