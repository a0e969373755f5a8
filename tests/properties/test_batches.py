"""Durability in batches: what is stored when, what operators and takeovers do to steps that wait."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import flowledger as fl

from .batch_harness import AT_ONCE, BEFORE, NEVER, BatchHarness, Hook, batch_harnesses


@pytest.fixture
def harness_with(durable_url: str) -> Iterator[Callable[..., BatchHarness]]:
    with batch_harnesses(durable_url) as make:
        yield make


# --- what is stored when ----------------------------------------------------------------------------------------------


def fails(step: fl.StepContext) -> Any:
    raise fl.NonRetryable("stolen") if step.payload == "for good" else RuntimeError("no luck")


@pytest.mark.parametrize(
    ("hook", "payload", "status"),
    [
        (None, None, "completed"),
        (lambda step: fl.Pause("review"), None, "paused"),
        (fails, None, "error"),
        (fails, "for good", "failed"),
        (lambda step: fl.StepResult(4, "nowhere"), None, "failed"),
    ],
    ids=["completes", "pauses", "waits for a retry", "fails", "finds no edge"],
)
def test_when_a_call_returns_all_its_steps_are_stored_in_one_commit(
    harness_with: Callable[..., BatchHarness], hook: Hook | None, payload: Any, status: str
) -> None:
    harness = harness_with(BEFORE)
    harness.hooks = {} if hook is None else {1 if payload else 4: hook}
    run = harness.start(payload=payload)
    assert run.status == status
    harness.agrees(run)
    assert harness.store.appends[-1][1] == run.version - 1


def test_the_step_limit_is_stored_with_the_steps_before_it(harness_with: Callable[..., BatchHarness]) -> None:
    harness = harness_with(BEFORE)
    run = harness.start(step_limit=3)
    assert (run.status, harness.types(run.id)) == ("failed", ["started", *["step_completed"] * 3, "failed"])
    harness.agrees(run)


def test_steps_are_stored_when_the_batch_is_full(harness_with: Callable[..., BatchHarness]) -> None:
    harness = harness_with(fl.Batch(3, NEVER), steps=7)
    seen: list[int] = []
    harness.hooks = {n: lambda step: seen.append(harness.stored(str(step.run_id)) - 1) for n in range(1, 8)}
    harness.agrees(harness.start())
    assert seen == [0, 0, 0, 3, 3, 3, 6]


def test_steps_are_stored_when_their_time_has_come_though_the_next_one_takes_long(
    harness_with: Callable[..., BatchHarness],
) -> None:
    harness = harness_with(AT_ONCE)
    harness.hooks[4] = lambda step: harness.until_stored(str(step.run_id), 4)
    run = harness.start()
    assert run.status == "completed"
    assert "flowledger-batches" in [thread for thread, _ in harness.store.appends]
    harness.agrees(run)


# --- operators --------------------------------------------------------------------------------------------------------


def command(ledger: fl.Ledger, name: str, run_id: str) -> None:
    if name == "set_metadata":
        ledger.runs.set_metadata(run_id, {"note": "from ops"}, by="ops")
    else:
        getattr(ledger.runs, name)(run_id, by="ops", reason="maintenance")


PAST = {"hold": "held", "cancel": "cancelled", "set_metadata": "metadata_set"}
COMMANDS = [
    ["hold"],
    ["cancel"],
    ["set_metadata"],
    ["hold", "set_metadata"],
    ["set_metadata", "hold"],
    ["hold", "cancel"],
    ["cancel", "set_metadata"],
    ["set_metadata", "hold", "set_metadata", "cancel"],
]
STOPPED = {"hold": "paused", "cancel": "cancelled"}


def stopped(names: list[str], otherwise: str) -> str:
    return next((STOPPED[name] for name in reversed(names) if name in STOPPED), otherwise)


@pytest.mark.parametrize("names", COMMANDS, ids="-".join)
def test_steps_that_wait_are_recorded_behind_an_operators_word(
    harness_with: Callable[..., BatchHarness], names: list[str]
) -> None:
    harness = harness_with(fl.Batch(4, NEVER))

    def speak(step: fl.StepContext) -> None:
        for name in names:
            command(harness.others, name, str(step.run_id))

    harness.hooks[2] = speak
    run = harness.start()
    assert run.status == stopped(names, "completed")
    ran = 7 if run.status == "completed" else 4
    assert harness.types(run.id) == ["started", *(PAST[name] for name in names), *["step_completed"] * ran]
    assert len(harness.keys) == len(set(harness.keys)) == ran
    harness.agrees(run)
    if run.status == "paused":
        harness.ledger.runs.release(run.id)
        ended = harness.ledger.runs.proceed(run.id)
        assert (ended.status, harness.outputs(run.id)) == ("completed", [1, 2, 3, 4, 5, 6, "ended"])
        harness.agrees(ended)


@pytest.mark.parametrize("names", COMMANDS, ids="-".join)
def test_what_operators_say_while_the_timer_stores_stops_the_run_and_nothing_waits_any_more(
    harness_with: Callable[..., BatchHarness], names: list[str]
) -> None:
    harness = harness_with(AT_ONCE)

    def speak(step: fl.StepContext) -> None:
        harness.until_stored(str(step.run_id), 3)
        for name in names:
            command(harness.others, name, str(step.run_id))

    harness.hooks[3] = speak
    harness.hooks[4] = lambda step: harness.until_stored(str(step.run_id), 4 + len(names))  # the timer finds out
    run = harness.start()
    assert run.status == stopped(names, "completed")
    ran = 7 if run.status == "completed" else 4
    said = [PAST[name] for name in names]
    assert harness.types(run.id) == ["started", *["step_completed"] * 2, *said, *["step_completed"] * (ran - 2)]
    assert len(harness.keys) == ran
    harness.agrees(run)


@pytest.mark.parametrize("names", COMMANDS, ids="-".join)
@pytest.mark.parametrize("ending", ["limit", "unrouted", "retry", "pause", "end"])
def test_operators_may_speak_between_any_two_attempts_to_store_the_end_of_a_call(
    tmp_path: Path, names: list[str], ending: str
) -> None:
    harness = BatchHarness(f"sqlite:///{tmp_path / 'ledger.db'}", BEFORE)
    harness.store.before = [lambda write, name=name: command(harness.others, name, write.stream) for name in names]
    endings: dict[str, Hook] = {
        "unrouted": lambda step: fl.StepResult(3, "nowhere"),
        "retry": fails,
        "pause": lambda step: fl.Pause("review"),
    }
    if ending in endings:
        harness.hooks[3] = endings[ending]
    run = harness.start(step_limit=3 if ending == "limit" else None)
    otherwise = {"limit": "failed", "unrouted": "failed", "retry": "error", "pause": "paused", "end": "completed"}
    expected = stopped(names, otherwise[ending])
    if expected == "paused" and ending in ("unrouted", "end"):
        expected = otherwise[ending]
    assert run.status == expected
    assert harness.types(run.id)[: 1 + len(names)] == ["started", *(PAST[name] for name in names)]
    assert len(harness.outputs(run.id)) == len(harness.keys) - (ending == "pause")
    harness.agrees(run)
    harness.close()


# --- takeovers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [BEFORE, AT_ONCE], ids=["its own thread", "the timer"])
def test_a_late_batch_is_refused_whole_whoever_finds_out_first(
    harness_with: Callable[..., BatchHarness], batch: fl.Batch
) -> None:
    late, heir = harness_with(batch, by="late"), harness_with(BEFORE, by="heir")
    taken_over: list[fl.RecordedEvent] = []

    def lose(step: fl.StepContext) -> None:
        if batch is AT_ONCE:
            late.until_stored(str(step.run_id), 4)  # or the timer might be faster than the heir
        assert heir.ledger.runs.proceed(str(step.run_id), by="heir").status == "completed"
        taken_over.extend(late.others.history.events(str(step.run_id)))

    late.hooks[3] = lose
    if batch is AT_ONCE:
        late.hooks[4] = lambda step: late.store.until(lambda: late.store.refused > 0)
    run = late.ledger.runs.start("loop", wait=False)
    with pytest.raises(fl.ConcurrencyError):
        late.ledger.runs.proceed(run.id, by="late")
    late.ledger.close()
    assert list(heir.others.history.events(run.id)) == taken_over
    recovered = [event.by for event in taken_over].index("heir")
    assert {event.by for event in taken_over[recovered:]} == {"heir"}
    assert heir.types(run.id).count("step_completed") == 7
    assert set(late.keys) <= {f"{run.id}:work:{n}" for n in range(1, 7)} | {f"{run.id}:end:1"}
    heir.agrees(heir.others.runs.get(run.id))


def test_who_holds_and_releases_a_run_while_its_steps_wait_takes_it_over(
    harness_with: Callable[..., BatchHarness],
) -> None:
    late, heir = harness_with(BEFORE), harness_with(None)

    def lose(step: fl.StepContext) -> None:
        heir.ledger.runs.hold(str(step.run_id))
        heir.ledger.runs.release(str(step.run_id))
        assert heir.ledger.runs.proceed(str(step.run_id)).status == "completed"

    late.hooks[3] = lose
    run = late.ledger.runs.start("loop", wait=False)
    with pytest.raises(fl.ConcurrencyError):
        late.ledger.runs.proceed(run.id)
    assert heir.types(run.id).count("step_completed") == 7
    heir.agrees(heir.others.runs.get(run.id))


# --- closing ----------------------------------------------------------------------------------------------------------


def test_closing_a_ledger_stores_what_waits_and_a_run_that_goes_on_is_told(
    harness_with: Callable[..., BatchHarness],
) -> None:
    harness, heir = harness_with(BEFORE), harness_with(BEFORE)
    busy, let_go = Event(), Event()

    def hold(step: fl.StepContext) -> None:
        busy.set()
        assert let_go.wait(60)

    harness.hooks[4] = hold
    run = harness.ledger.runs.start("loop", wait=False)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(harness.ledger.runs.proceed, run.id)
        assert busy.wait(60)
        assert heir.stored(run.id) == 2
        harness.ledger.close()
        assert heir.stored(run.id) == 5
        let_go.set()
        with pytest.raises(fl.StorageUnavailable):
            working.result(60)
    ended = heir.ledger.runs.proceed(run.id)
    assert (ended.status, heir.keys[0]) == ("completed", f"{run.id}:work:4")
    heir.agrees(ended)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(0, 50), (-1, 50), (100_001, 50), (True, 50), (1.5, 50), (100, 0), (100, 10**20)])
def test_a_batch_of_no_sensible_size_is_refused(size: tuple[Any, Any]) -> None:
    with pytest.raises(fl.InvalidRequest, match="give 1 to"):
        fl.Batch(*size)


def test_a_durability_that_is_none_is_refused() -> None:
    for durability in ("none", 100, None):
        with pytest.raises(fl.InvalidRequest, match="durability"):
            fl.open_ledger("memory:", durability=durability)  # type: ignore[arg-type]
