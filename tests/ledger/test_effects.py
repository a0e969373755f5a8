"""What acts on the world is done once: reproductions and forks take it from the record, previews say what repeats."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .harness import raiser

ORDER = {
    "nodes": [
        {"id": "price", "type": "work"},
        {"id": "charge", "type": "charge"},
        {"id": "ship", "type": "work"},
    ],
    "edges": [{"source": "price", "target": "charge"}, {"source": "charge", "target": "ship"}],
}
LOOP = {
    "nodes": [{"id": "next", "type": "work"}, {"id": "charge", "type": "charge"}],
    "edges": [
        {"source": "next", "target": "charge", "sourceHandle": "more"},
        {"source": "charge", "target": "next"},
    ],
    "start": "next",
}
Act = Callable[[fl.StepContext], Any]


class Shop:
    """A ledger whose nodes do as told; what acts on the world says with which key it did."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acts: dict[str, Act] = {}
        self.charged: list[str] = []
        self.seen: list[Any] = []
        self.executors = fl.ExecutorRegistry()
        self.executors.register("work")(lambda step: self.act(step))
        self.executors.register("charge", effects=True)(self.charge)
        self.ledger = fl.open_ledger(url, self.executors)
        self.runs, self.history = self.ledger.runs, self.ledger.history
        self.save(ORDER)

    def act(self, step: fl.StepContext) -> Any:
        self.seen.append(step.node.id)
        act = self.acts.get(step.node.id)
        return {"of": step.node.id} if act is None else act(step)

    def charge(self, step: fl.StepContext) -> Any:
        self.charged.append(step.effect_key)
        act = self.acts.get("charge")
        return {"receipt": len(self.charged)} if act is None else act(step)

    def save(self, definition: Any) -> None:
        self.ledger.workflows.save(definition, workflow_id="shop", by="ada")

    def start(self, **acts: Act) -> fl.Run:
        """A run in which these nodes did this; afterwards all do as usual."""
        self.acts = acts
        run = self.runs.start("shop", payload={"order": 1}, by="web")
        self.acts = {}
        return run

    def receipts(self, run: fl.Run) -> list[Any]:
        return [result.output for result in run.snapshot.context.get("charge", ()) if result.error is None]

    def recorded(self, run: fl.Run) -> list[Any]:
        """Node and place of each step that was taken from the record."""
        events = self.history.events(run.id)
        return [(event.data["node_id"], event.data["recorded"]) for event in events if "recorded" in event.data]


def flaky(times: int) -> Act:
    left = [times]

    def act(step: fl.StepContext) -> Any:
        if left[0]:
            left[0] -= 1
            raise TimeoutError("the money may have moved")
        return {"receipt": "late"}

    return act


def retried(*nodes: str) -> Any:
    retry = {"metadata": {"retry": {"maxRetries": 5, "interval": 0}}}
    return {**ORDER, "nodes": [node | (retry if node["id"] in nodes else {}) for node in ORDER["nodes"]]}


def flaky_for_good(times: int) -> Act:
    left = [times]

    def act(step: fl.StepContext) -> Any:
        if left[0]:
            left[0] -= 1
            raise fl.NonRetryable("no luck")
        return "late"

    return act


RESCUED = {
    "nodes": [{"id": "charge", "type": "charge"}, {"id": "apologise", "type": "work"}],
    "edges": [{"source": "charge", "target": "apologise", "on": "failure"}],
}
NO_LUCK = raiser(fl.NonRetryable("no luck"))


@pytest.fixture
def shop(store_url: str) -> Iterator[Shop]:
    shop = Shop(store_url)
    yield shop
    shop.ledger.close()


@pytest.fixture
def stall() -> Iterator[Shop]:
    """The same in memory."""
    shop = Shop("memory:")
    yield shop
    shop.ledger.close()


# --- reproductions ----------------------------------------------------------------------------------------------------


def test_a_reproduction_takes_what_was_done_from_the_record_and_says_where(shop: Shop) -> None:
    run = shop.start(ship=NO_LUCK)
    copy = shop.runs.reproduce(run.id, by="dev")
    assert copy.status == "completed"
    assert shop.receipts(copy) == [{"receipt": 1}]
    assert len(shop.charged) == 1
    assert shop.recorded(copy) == [("charge", {"run_id": run.id, "version": 3})]


def test_a_reproduction_executes_the_effects_that_it_names(stall: Shop) -> None:
    run = stall.start()
    copy = stall.runs.reproduce(run.id, by="dev", effects=("charge",))
    assert stall.receipts(copy) == [{"receipt": 2}]
    assert stall.recorded(copy) == []
    assert len(set(stall.charged)) == 1


def test_a_reproduction_repeats_the_final_failure_and_doesnt_retry_it(stall: Shop) -> None:
    stall.save(retried("charge"))
    run = stall.start(charge=raiser(fl.NonRetryable("stolen")))
    copy = stall.runs.reproduce(run.id, by="dev")
    assert (copy.status, stall.charged) == ("failed", [stall.charged[0]])
    last = list(stall.history.events(copy.id))[-1].data
    assert (last["error"]["type"], last["error"]["message"]) == ("NonRetryable", "stolen")


def test_a_reproduction_repeats_a_late_success_at_once(stall: Shop) -> None:
    stall.save(retried("charge"))
    run = stall.start(charge=flaky(2))
    stall.acts = {"charge": lambda step: {"receipt": "late"}}
    while run.status == "error":
        run = stall.runs.proceed(run.id)
    count = len(stall.charged)
    copy = stall.runs.reproduce(run.id, by="dev")
    assert stall.receipts(copy) == stall.receipts(run)
    assert [result.attempt for result in copy.snapshot.context["charge"]] == [1]
    assert len(stall.charged) == count


def test_what_isnt_on_record_is_not_done_in_a_reproduction(shop: Shop) -> None:
    run = shop.start(price=NO_LUCK)
    copy = shop.runs.reproduce(run.id, by="dev")
    assert (copy.status, shop.charged) == ("failed", [])
    assert copy.snapshot.context["charge"][-1].error is not None
    assert "EffectNotRecorded: node 'charge' acts on the world" in copy.snapshot.context["charge"][-1].error
    assert "effects=('charge',)" in copy.snapshot.context["charge"][-1].error
    assert shop.recorded(copy) == [("charge", {"run_id": run.id})]


def test_a_reproduction_of_a_reproduction_names_what_really_happened(stall: Shop) -> None:
    run = stall.start(ship=NO_LUCK)
    copy = stall.runs.reproduce(stall.runs.reproduce(run.id).id)
    assert stall.recorded(copy) == [("charge", {"run_id": run.id, "version": 3})]
    assert len(stall.charged) == 1


def test_a_recorded_handle_is_followed_again(stall: Shop) -> None:
    definition = {
        "nodes": [{"id": "charge", "type": "charge"}, {"id": "yes", "type": "work"}, {"id": "no", "type": "work"}],
        "edges": [
            {"source": "charge", "target": "yes", "sourceHandle": "paid"},
            {"source": "charge", "target": "no", "sourceHandle": "refused"},
        ],
    }
    stall.save(definition)
    run = stall.start(charge=lambda step: fl.StepResult({"__pause": True}, handle="refused"))
    copy = stall.runs.reproduce(run.id)
    assert set(copy.snapshot.context) == {"charge", "no"}
    assert stall.receipts(copy) == [{"__pause": True}]


def test_each_visit_of_a_loop_is_another_piece_of_work(shop: Shop) -> None:
    shop.save(LOOP)
    run = shop.start(next=lambda step: fl.StepResult(step.runs, handle="more" if step.runs < 3 else None))
    shop.acts = {"next": lambda step: fl.StepResult(step.runs, handle="more" if step.runs < 3 else None)}
    copy = shop.runs.reproduce(run.id)
    assert shop.receipts(copy) == [{"receipt": 1}, {"receipt": 2}, {"receipt": 3}]
    assert len(set(shop.charged)) == len(shop.charged) == 3


def test_what_failed_for_good_fails_again_and_goes_the_same_way(stall: Shop) -> None:
    stall.save(RESCUED)
    run = stall.start(charge=raiser(fl.NonRetryable("stolen")))
    assert set(run.snapshot.context) == {"charge", "apologise"}
    for copy in (stall.runs.reproduce(run.id), stall.runs.fork(run.id, 1)):
        assert copy.status == "completed"
        assert set(copy.snapshot.context) == {"charge", "apologise"}
        assert stall.history.replay(copy.id).ok
    assert len(stall.charged) == 1


def test_what_has_no_end_on_record_leads_nowhere(stall: Shop) -> None:
    stall.save(RESCUED | {"nodes": [retried("charge")["nodes"][1], RESCUED["nodes"][1]]})
    run = stall.start(charge=flaky(1))
    assert run.status == "error"
    for copy in (stall.runs.reproduce(run.id), stall.runs.fork(run.id, 1)):
        assert (copy.status, set(copy.snapshot.context)) == ("failed", {"charge"})
        assert "EffectNotRecorded" in str(copy.snapshot.context["charge"][-1].error)
        assert stall.history.replay(copy.id).ok
    assert len(stall.charged) == 1


def test_each_visit_that_a_failure_ends_is_another_piece_of_work(stall: Shop) -> None:
    stall.save(RESCUED | {"edges": [{"source": "charge", "target": "charge", "on": "failure"}], "start": "charge"})
    run = stall.start(charge=flaky_for_good(2))
    assert (run.status, len(stall.charged), len(set(stall.charged))) == ("completed", 3, 3)
    for copy in (stall.runs.reproduce(run.id), stall.runs.fork(run.id, 1), stall.runs.fork(run.id, 2)):
        outcomes = [result.error is None for result in copy.snapshot.context["charge"]]
        assert outcomes == [False, False, True]
    assert len(stall.charged) == 3


# --- forks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_fork_charges_nothing_that_was_charged(shop: Shop, version: int) -> None:
    run = shop.start(ship=NO_LUCK)
    fork = shop.runs.fork(run.id, version, by="dev")
    assert fork.status == "completed"
    assert shop.receipts(fork) == [{"receipt": 1}]
    assert len(shop.charged) == 1


def test_a_fork_executes_the_effects_that_it_names(stall: Shop) -> None:
    run = stall.start()
    fork = stall.runs.fork(run.id, 1, by="dev", effects=["charge"])
    assert stall.receipts(fork) == [{"receipt": 2}]
    assert len(set(stall.charged)) == 1


def test_a_fork_executes_what_nobody_has_tried(stall: Shop) -> None:
    run = stall.start(price=NO_LUCK)
    fork = stall.runs.fork(run.id, by="dev")
    assert stall.receipts(fork) == [{"receipt": 1}]
    assert stall.recorded(fork) == []


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_fork_tries_nothing_that_was_tried(stall: Shop, version: int) -> None:
    run = stall.start(charge=raiser(fl.NonRetryable("the money may have moved")))
    fork = stall.runs.fork(run.id, version, by="dev")
    assert (fork.status, len(stall.charged)) == ("failed", 1)
    assert stall.recorded(fork) == [("charge", {"run_id": run.id, "version": 3})]
    named = stall.runs.fork(run.id, version, by="dev", effects=("charge",))
    assert (named.status, len(stall.charged)) == ("completed", 2)


def test_a_fork_takes_what_another_run_of_the_work_order_has_done(shop: Shop) -> None:
    run = shop.start(price=NO_LUCK)
    retry = shop.runs.retry(run.id, by="ops")
    fork = shop.runs.fork(run.id, by="dev")
    assert shop.receipts(fork) == [{"receipt": 1}]
    assert shop.recorded(fork) == [("charge", {"run_id": retry.id, "version": 3})]


def test_a_fork_prefers_a_success_to_a_failure_of_its_source(stall: Shop) -> None:
    run = stall.start(charge=NO_LUCK)
    retry = stall.runs.retry(run.id, by="ops")
    fork = stall.runs.fork(run.id, 1, by="dev")
    assert (fork.status, stall.recorded(fork)) == ("completed", [("charge", {"run_id": retry.id, "version": 3})])


def test_a_fork_may_retry_what_it_was_the_first_to_try(stall: Shop) -> None:
    stall.save(retried("charge"))
    run = stall.start(price=NO_LUCK)
    stall.acts = {"charge": flaky(1)}
    fork = stall.runs.fork(run.id, by="dev")
    assert fork.status == "error"
    assert stall.runs.proceed(fork.id).status == "completed"
    assert len(stall.charged) == 2


def test_a_fork_takes_from_a_source_that_runs_on_meanwhile(stall: Shop) -> None:
    forks: list[fl.Run] = []
    stall.save(
        {
            "nodes": [*ORDER["nodes"], {"id": "late", "type": "charge"}],
            "edges": [*ORDER["edges"], {"source": "ship", "target": "late"}],
        }
    )

    def fork_me(step: fl.StepContext) -> None:
        if not forks:
            forks.append(stall.runs.fork(str(step.run_id), 1, wait=False))

    run = stall.start(ship=fork_me)
    fork = stall.runs.proceed(forks[0].id)
    assert (run.status, fork.status) == ("completed", "completed")
    assert [place["run_id"] for _, place in stall.recorded(fork)] == [run.id, run.id]


# --- questions --------------------------------------------------------------------------------------------------------


def ask(step: fl.StepContext) -> Any:
    return fl.Pause("charge it?") if step.answer is None else {"approved": step.answer.payload}


@pytest.fixture
def answered(stall: Shop) -> fl.Run:
    """Its charge had asked, and was done on the answer ``yes``."""
    run = stall.start(charge=ask)
    stall.acts = {"charge": ask}
    return stall.runs.resume(run.id, payload="yes", by="cfo")


def test_a_fork_asks_again_what_its_source_had_asked_and_takes_what_the_same_answer_did(
    stall: Shop, answered: fl.Run
) -> None:
    fork = stall.runs.fork(answered.id, 1, by="dev")
    assert (fork.status, fork.waits[0].reason) == ("paused", "charge it?")
    assert stall.runs.resume(fork.id, payload="yes", by="dev").status == "completed"
    assert len(stall.charged) == 2


def test_a_fork_that_is_answered_otherwise_does_nothing(stall: Shop, answered: fl.Run) -> None:
    for version in (1, 3):
        fork = stall.runs.fork(answered.id, version, by="dev")
        fork = stall.runs.resume(fork.id, payload="no", by="dev")
        assert fork.status == "failed"
        assert "EffectNotRecorded" in str(fork.snapshot.context["charge"][-1].error)
    assert len(stall.charged) == 2


def test_a_fork_that_names_the_effect_does_what_the_new_answer_says(stall: Shop, answered: fl.Run) -> None:
    fork = stall.runs.fork(answered.id, 3, by="dev", payload="no", effects=("charge",))
    assert stall.receipts(fork) == [{"approved": "no"}]


def test_a_fork_executes_what_was_only_asked_for(stall: Shop) -> None:
    run = stall.start(charge=ask)
    stall.acts = {"charge": ask}
    fork = stall.runs.fork(run.id, by="dev", payload="yes")
    assert stall.receipts(fork) == [{"approved": "yes"}]


def test_a_reproduction_repeats_what_an_answer_did_without_asking(stall: Shop, answered: fl.Run) -> None:
    copy = stall.runs.reproduce(answered.id, by="dev")
    assert stall.receipts(copy) == [{"approved": "yes"}]
    assert len(stall.charged) == 2


def test_a_reproduction_of_what_still_asks_does_nothing(stall: Shop) -> None:
    run = stall.start(charge=ask)
    copy = stall.runs.reproduce(run.id, by="dev")
    assert copy.status == "failed"
    assert len(stall.charged) == 1


# --- later, elsewhere, otherwise --------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [(), ("charge",)])
def test_another_process_that_goes_on_with_it_knows_what_to_take(shop: Shop, named: tuple[str, ...]) -> None:
    if shop.url == "memory:":
        pytest.skip("another ledger would have another store")
    run = shop.start()
    queued = [
        shop.runs.reproduce(run.id, wait=False, effects=named),
        shop.runs.fork(run.id, 1, wait=False, effects=named),
    ]
    with fl.open_ledger(shop.url, shop.executors) as other:
        for copy in queued:
            assert other.runs.proceed(copy.id).status == "completed"
    assert len(shop.charged) == 1 + 2 * len(named)


def test_a_process_without_executors_may_queue_what_names_effects(durable_url: str) -> None:
    shop = Shop(durable_url)
    run = shop.start()
    with fl.open_ledger(durable_url) as web:
        queued = [web.runs.fork(run.id, 1, wait=False, effects=named) for named in ((), ("charge",))]
        with pytest.raises(fl.InvalidRequest, match="effects"):
            web.runs.fork(run.id, 1, wait=False, effects="charge")
    assert [len(shop.receipts(shop.runs.proceed(fork.id))) for fork in queued] == [1, 1]
    assert len(shop.charged) == 2
    shop.ledger.close()


def test_after_a_pause_and_a_retry_it_still_takes_from_the_record(stall: Shop) -> None:
    stall.save(retried("price"))
    run = stall.start()
    outcomes = iter([TimeoutError("later"), None])

    def price(step: fl.StepContext) -> Any:
        if (error := next(outcomes, None)) is not None:
            raise error
        return fl.Pause("sure?") if step.answer is None else "priced"

    stall.acts = {"price": price}
    fork = stall.runs.fork(run.id, 1)
    assert fork.status == "error"
    assert stall.runs.proceed(fork.id).status == "paused"
    assert stall.runs.resume(fork.id, payload=1).status == "completed"
    assert len(stall.charged) == 1


def test_async_calls_take_from_the_record_too(shop: Shop) -> None:
    run = shop.start()

    async def both() -> list[fl.Run]:
        return [await shop.runs.areproduce(run.id), await shop.runs.afork(run.id, 1)]

    assert [shop.receipts(copy) for copy in asyncio.run(both())] == [[{"receipt": 1}]] * 2
    assert len(shop.charged) == 1


def test_what_was_taken_is_no_time_of_the_executor(stall: Shop) -> None:
    run = stall.start()
    fork = stall.runs.fork(run.id, 1)
    timings = {row.node_id: row.count for row in stall.history.timings("shop", reproductions=True)}
    assert timings == {"price": 2, "charge": 1, "ship": 2}
    assert fork.status == "completed"


@pytest.mark.parametrize("effects", ["charge", ("chrage",), (1,), 5])
def test_types_that_nobody_registered_are_refused(stall: Shop, effects: Any) -> None:
    run = stall.start()
    before = stall.ledger.verify().events
    for repeat in (stall.runs.reproduce, stall.runs.fork):
        with pytest.raises(fl.InvalidRequest, match="effects"):
            repeat(run.id, effects=effects)
    assert stall.ledger.verify().events == before


# --- shown ------------------------------------------------------------------------------------------------------------


def test_the_audit_says_what_was_taken_and_from_where(stall: Shop) -> None:
    run = stall.start(price=NO_LUCK)
    copies = [stall.runs.reproduce(stall.start().id), stall.runs.reproduce(run.id)]
    audits = [stall.history.audit(copy.id) for copy in copies]
    taken = [[attempt.taken_from for attempt in audit.attempts if attempt.node_id == "charge"] for audit in audits]
    assert taken == [[fl.TakenFrom(copies[0].origin.run_id, 3)], [fl.TakenFrom(run.id, None)]]
    assert "takenFrom" in json.dumps(audits[0].to_data())
    assert "takenFrom" not in json.dumps(stall.history.audit(run.id).to_data())


def test_a_replay_finds_no_fault_in_what_was_taken(stall: Shop) -> None:
    copies = [
        stall.runs.reproduce(stall.start(ship=NO_LUCK).id),
        stall.runs.reproduce(stall.start(price=NO_LUCK).id),
        stall.runs.fork(stall.start(charge=NO_LUCK).id, 1),
    ]
    charged = len(stall.charged)
    for copy in copies:
        for named in ((), ("charge",)):
            report = stall.history.replay(copy.id, effects=named)
            assert report.ok, report
            assert report.taken == 1
    assert len(stall.charged) == charged


def test_what_was_taken_moves_to_another_store_with_its_run(stall: Shop, tmp_path: Path) -> None:
    copies = [stall.runs.reproduce(stall.start().id), stall.runs.fork(stall.start(charge=NO_LUCK).id, 1)]
    for number, copy in enumerate(copies):
        stall.history.export(copy.id, tmp_path / f"{number}.jsonl")
        with fl.open_ledger("memory:", stall.executors) as other:
            other.history.import_(tmp_path / f"{number}.jsonl")
            there, here = (
                [attempt.taken_from for attempt in ledger.history.audit(copy.id).attempts]
                for ledger in (other, stall.ledger)
            )
            assert there == here
            assert any(here)
            assert other.verify().ok
    assert stall.ledger.verify().ok


# --- previews ---------------------------------------------------------------------------------------------------------


def test_the_preview_of_a_retry_says_what_acts_on_the_world_again(stall: Shop) -> None:
    stall.save(retried("charge"))
    run = stall.start(charge=flaky(1), ship=NO_LUCK)
    stall.acts = {"ship": NO_LUCK}
    run = stall.runs.proceed(run.id)
    stall.runs.fork(run.id, 1)
    preview = stall.runs.retry(run.id, preview=True)
    (effect,) = preview.effects
    assert (effect.node_id, effect.type, effect.done, effect.tried) == ("charge", "charge", 1, 2)
    assert effect.effect_keys == (stall.charged[0],)
    assert effect.last_at == list(stall.history.events(run.id))[4].recorded_at
    assert "acts on the world again: charge (charge), done once, tried 2 times" in str(preview)
    assert preview.to_data()["effects"][0]["effectKeys"] == [stall.charged[0]]


def test_what_a_retry_reuses_or_never_comes_to_isnt_in_its_preview(stall: Shop) -> None:
    run = stall.start(ship=NO_LUCK)
    assert stall.runs.retry(run.id, "ship", preview=True).effects == ()
    assert [effect.done for effect in stall.runs.retry(run.id, "charge", preview=True).effects] == [1]
    other = stall.start(price=NO_LUCK)
    assert stall.runs.retry(other.id, preview=True).effects == ()


def test_the_preview_counts_only_the_visits_of_a_loop_that_come_again(stall: Shop) -> None:
    stall.save(LOOP)
    run = stall.start(next=lambda step: fl.StepResult(step.runs, handle="more" if step.runs < 3 else None))
    (effect,) = stall.runs.retry(run.id, "charge", preview=True).effects
    assert (effect.done, effect.effect_keys) == (1, (stall.charged[2],))
    (effect,) = stall.runs.retry(run.id, preview=True).effects
    assert (effect.done, effect.effect_keys) == (3, tuple(stall.charged))
    assert "and 2 more" in str(effect)


def test_a_bulk_retry_counts_what_acts_on_the_world_again(stall: Shop) -> None:
    runs = [stall.start(ship=NO_LUCK).id, stall.start(charge=NO_LUCK).id, stall.start(price=NO_LUCK).id, "nothing"]
    operation = stall.runs.retry_all(runs)
    assert operation.repeated_effects() == {"charge": 2}
    assert len(list(operation)) == 4
    assert operation.repeated_effects() == {}


def test_a_run_that_was_adopted_does_what_its_snapshot_hasnt_and_its_copies_dont(stall: Shop) -> None:
    run = stall.start(ship=NO_LUCK)
    snapshot = stall.history.snapshot(run.id, version=2)
    adopted = stall.runs.adopt(snapshot, workflow_id="shop", by="ops")
    assert (adopted.status, len(stall.charged), len(set(stall.charged))) == ("completed", 2, 2)  # another work order
    for copy in (stall.runs.reproduce(adopted.id), stall.runs.fork(adopted.id, 1)):
        assert stall.receipts(copy) == [{"receipt": 2}]
    assert len(stall.charged) == 2
