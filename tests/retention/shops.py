"""A store of a shop, whose orders are months old, or are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flowledger as fl
from flowledger.infrastructure.testing.clock import ManualClock

DEFINITION = {
    "nodes": [{"id": "check", "type": "check"}, {"id": "ship", "type": "ship"}],
    "edges": [{"source": "check", "target": "ship"}],
}
DAYS_OLD = 100

executors = fl.ExecutorRegistry()


@executors.register("check")
def check(step: fl.StepContext) -> Any:
    if step.payload == "fail":
        raise ValueError("no luck")
    if step.payload == "wait" and step.answer is None:
        return fl.Pause(reason="somebody must look")
    return {"checked": step.payload}


@executors.register("ship")
def ship(step: fl.StepContext) -> Any:
    return {"shipped": True}


class Shop:
    """An open store with a clock of its own, and a key to sign with."""

    def __init__(self, url: str, folder: Path, keys: fl.KeyRing | None = None) -> None:
        self.clock = ManualClock()
        self.folder = folder
        self.ledger = fl.open_ledger(url, executors, self.clock, keys=keys, checkpoint_every=2)
        self.ledger.workflows.save(DEFINITION, workflow_id="shop", by="ada")
        self.key = folder / "key"
        self.ledger.evidence.keygen(self.key, "example.com/shop")

    def order(self, payload: Any = "fine", **more: Any) -> fl.Run:
        return self.ledger.runs.start("shop", payload=payload, by="ada", **more)

    def age(self) -> None:
        """All that happened so far is old now."""
        self.clock.advance(days=DAYS_OLD)

    def sign(self) -> fl.SignedCheckpoint:
        return self.ledger.evidence.checkpoint(self.key)

    def assert_sound(self, *checkpoints: fl.SignedCheckpoint) -> None:
        """All that is there verifies, and is what was signed."""
        findings = self.ledger.verify(deep=True).findings
        assert findings == (), findings[:5]
        for checkpoint in checkpoints:
            assert self.ledger.evidence.check(checkpoint).findings == ()

    def runs(self) -> set[str]:
        return {run.id for run in self.ledger.history.runs(limit=1000)}


@contextmanager
def opened(url: str, folder: Path, keys: fl.KeyRing | None = None) -> Iterator[Shop]:
    shop = Shop(url, folder, keys)
    with shop.ledger:
        yield shop
