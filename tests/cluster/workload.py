"""Runs of twenty steps with retries, time-outs and waits, whose executors note what they do in a journal."""

import hashlib
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson

import flowledger as fl
from flowledger.domain.ports import Guard, Write
from flowledger.infrastructure.storage.event_store import LedgerEventStore

from .journal import Journal

WORKFLOW = "faults"
STEPS = 20
ODD = {3: "flaky", 7: "nap", 11: "ask", 15: "flaky", 17: "slow"}
"""The type of node by its number; all others are plain work."""
ASKED = "n11"
GATE = "gate"
"""A file of this name beside the folder of the journal ends steps of the types ``long`` and ``deaf``; the former also
end when they are told to."""
NAP = timedelta(seconds=0.2)


def definition() -> dict[str, Any]:
    names = [f"n{number:02}" for number in range(STEPS)]
    return {
        "nodes": [{"id": name, "type": ODD.get(number, "work")} for number, name in enumerate(names)],
        "edges": [{"source": a, "target": b} for a, b in pairwise(names)],
    }


def executors(journal: Journal) -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()
    retry = fl.RetryPolicy(max_retries=50, interval=0.05)

    def work(step: fl.StepContext) -> Any:
        note_effect(journal, step)
        return {"said": step.effect_key}

    def flaky(step: fl.StepContext) -> Any:
        if step.attempt == 1:
            raise ConnectionResetError("the first attempt never gets through")
        return work(step)

    def nap(step: fl.StepContext) -> Any:
        if step.answer is None:
            return fl.Pause("a moment", until=datetime.now(UTC) + NAP)
        assert step.answer.timed_out
        return work(step)

    def ask(step: fl.StepContext) -> Any:
        return fl.Pause("go on?") if step.answer is None else work(step)

    def long(step: fl.StepContext) -> Any:
        run = str(step.run_id)
        journal.note("begins", run=run)
        while not step.cancelled.wait(0.02):
            if (journal.folder.parent / GATE).exists():
                return work(step)
        journal.note("told", run=run, reason=step.cancelled.reason)
        return "too late"

    def deaf(step: fl.StepContext) -> Any:
        journal.note("begins", run=str(step.run_id))
        while not (journal.folder.parent / GATE).exists():
            time.sleep(0.02)
        journal.note("ends", run=str(step.run_id))
        return work(step)

    def poison(step: fl.StepContext) -> Any:
        note_effect(journal, step)
        os.kill(os.getpid(), signal.SIGKILL)

    registry.register("work")(work)
    registry.register("long")(long)
    registry.register("deaf")(deaf)
    registry.register("poison", max_recoveries=2)(poison)
    registry.register("flaky", retry=retry)(flaky)
    registry.register("nap")(nap)
    registry.register("ask")(ask)
    registry.register("slow", retry=retry)(flaky)
    return registry


def note_effect(journal: Journal, step: fl.StepContext) -> None:
    journal.note("effect", run=str(step.run_id), node=step.node.id, key=step.effect_key)


def note_acknowledgements(journal: Journal) -> None:
    """Let this process note each event that a store has acknowledged to it: stored where, and what."""
    append, aappend = LedgerEventStore.append, LedgerEventStore.aappend
    append_while = LedgerEventStore.append_while

    def noted(store: LedgerEventStore, *writes: Write) -> list[int]:
        positions = append(store, *writes)
        _note(journal, writes, positions)
        return positions

    def noted_while(store: LedgerEventStore, guard: Guard, *writes: Write) -> list[int]:
        positions = append_while(store, guard, *writes)
        _note(journal, writes, positions)
        return positions

    async def anoted(store: LedgerEventStore, *writes: Write) -> list[int]:
        positions = await aappend(store, *writes)
        _note(journal, writes, positions)
        return positions

    LedgerEventStore.append = noted  # type: ignore[method-assign]
    LedgerEventStore.append_while = noted_while  # type: ignore[method-assign]
    LedgerEventStore.aappend = anoted  # type: ignore[method-assign]


def _note(journal: Journal, writes: tuple[Write, ...], positions: list[int]) -> None:
    events = [(write.stream, event) for write in writes for event in write.events]
    assert len(events) == len(positions)
    for (stream, event), position in zip(events, positions, strict=True):
        journal.note("acknowledged", stream=stream, type=event.type, position=position, content=content(event.data))


def content(data: Any) -> str:
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
