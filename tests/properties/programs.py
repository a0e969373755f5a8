"""One random history, made of a seed: the same commands, executors and clock readings wherever it is run."""

import random
from collections.abc import Iterator
from typing import Any

import flowledger as fl

from .world import Act, World

ACTS = (
    Act("complete", {"é": [1.5, None, True]}),
    Act("complete", 7),
    Act("route", "skip"),
    Act("route", "again"),
    Act("route", "nowhere"),
    Act("fail", "no luck"),
    Act("fatal", "stolen"),
    Act("blow_up", "gone"),
    Act("not_json"),
    Act("wait", "review"),
    Act("wait"),
    Act("interrupt"),
    Act("take", 1_500_000),
    Act("take", -1_000_000),
    Act("held_meanwhile", Act("complete", 1)),
    Act("held_meanwhile", Act("fail", "x")),
    Act("cancelled_meanwhile", Act("complete", 2)),
    Act("noted_meanwhile", Act("wait", "again")),
    Act("noted_meanwhile", Act("take", -2_000_000)),
    Act("cancelled_meanwhile", Act("route", "nowhere")),
    Act("held_meanwhile", Act("route", "nowhere")),
    Act("cancelled_meanwhile", Act("fatal", "both")),
)


def run_program(world: World, seed: int, length: int = 60) -> None:
    """Give ``length`` commands; those that a run's state forbids are refused, as they should be."""
    chance = random.Random(seed)
    for _ in range(length):
        script = chance.choices(ACTS, k=chance.randrange(5))
        run_ids = world.store.run_ids()
        name = chance.choice(
            ["start", "resume", "proceed", "hold", "release", "cancel", "note", "reopen", "clock", "proceed"]
        )
        if not run_ids or name == "start":
            payload = chance.choice([None, {"order": 1}])
            give(world, script, lambda payload=payload: world.ledger.runs.start("w", payload=payload, by="ada"))
        elif name == "reopen":
            world.reopen()
        elif name == "clock":
            world.clock.micros += chance.randrange(-5_000_000, 5_000_000)
        else:
            run_id = chance.choice(run_ids)
            give(world, script, lambda name=name, run_id=run_id: command(world, name, run_id))


def command(world: World, name: str, run_id: str) -> None:
    runs = world.ledger.runs
    if name == "resume":
        runs.resume(run_id, payload={"approved": True}, by="bob")
    elif name == "proceed":
        runs.proceed(run_id, by="worker", step_limit=3)
    elif name == "hold":
        runs.hold(run_id, by="ops", reason="maintenance")
    elif name == "release":
        runs.release(run_id, by="ops", note="it is over")
        runs.proceed(run_id, by="worker", step_limit=3)
    elif name == "cancel":
        runs.cancel(run_id, by="ops")
    else:
        runs.set_metadata(run_id, {"seen": "by ops"}, by="ops")


def give(world: World, script: list[Act], do: Any) -> None:
    with world.doing(script):
        try:
            do()
        except (fl.IllegalTransition, KeyboardInterrupt):
            return


def bodies(world: World) -> Iterator[tuple[str, int, str, Any]]:
    """Every event of every run as (run, version, type, body), runs and work orders named by their order."""
    names: dict[str, str] = {}
    for run_id in world.store.run_ids():
        name = names.setdefault(run_id, f"run {len(names)}")
        for event in world.ledger.history.events(run_id):
            data = {key: value for key, value in event.data.items() if key != "correlation_id"}
            yield name, event.version, event.type, data
