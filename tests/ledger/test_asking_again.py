"""A retry that begins at a question asks it again, and so does a fork whose question has changed."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..effort import tries

YES = {"approved": True}


def payout(amount: int, **node: Any) -> dict[str, Any]:
    approve = {"id": "approve", "type": "approve", "data": {"question": f"pay {amount}?"}, **node}
    nodes = [{"id": "price", "type": "price"}, approve, {"id": "pay", "type": "pay"}]
    edges = [{"source": "price", "target": "approve"}, {"source": "approve", "target": "pay"}]
    return {"nodes": nodes, "edges": edges}


class Bank:
    """A ledger in which people approve payments, and a bank that is closed until it opens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.open = False
        self.paid: list[Any] = []
        self.seen: list[tuple[Any, fl.Answer | None]] = []
        self.ledger = fl.open_ledger(url, self.executors(self.approve))
        self.runs, self.history = self.ledger.runs, self.ledger.history
        self.save(payout(100))

    def executors(self, approve: Any) -> fl.ExecutorRegistry:
        executors = fl.ExecutorRegistry()
        executors.register("price")(lambda step: 1)
        executors.register("approve")(approve)
        executors.register("pay", effects=True)(self.pay)
        return executors

    def approve(self, step: fl.StepContext) -> Any:
        self.seen.append((step.payload, step.answer))
        if step.answer is None:
            return fl.Pause(step.data["question"])
        return {"question": step.data["question"], "answer": step.answer.payload, "by": step.answer.by}

    def pay(self, step: fl.StepContext) -> None:
        self.paid.append(step.context["approve"][-1].output)
        if not self.open:
            raise fl.NonRetryable("the bank is closed")

    def save(self, definition: Any) -> None:
        self.ledger.workflows.save(definition, workflow_id="w", by="mallory")

    def answered(self) -> fl.Run:
        """A run that was approved by Bob, and failed to pay."""
        run = self.runs.start("w", payload={"order": 1}, by="shop")
        run = self.runs.resume(run.id, payload=YES, by="bob")
        self.paid.clear()
        self.seen.clear()
        self.open = True
        return run

    def version_of(self, run: fl.Run, type: str) -> int:
        return next(event.version for event in self.history.events(run.id) if event.type == type)


@pytest.fixture
def bank(store_url: str) -> Iterator[Bank]:
    bank = Bank(store_url)
    yield bank
    bank.ledger.close()


@pytest.fixture
def memory_bank() -> Bank:
    return Bank("memory:")


def test_a_retry_from_a_question_asks_and_the_new_answer_counts(bank: Bank) -> None:
    run = bank.answered()
    again = bank.runs.retry(run.id, from_node="approve", by="mallory")
    assert (again.status, bank.paid, bank.seen) == ("paused", [], [(None, None)])
    assert [(pause.node_id, pause.outcome) for pause in bank.history.audit(again.id).pauses] == [("approve", None)]
    done = bank.runs.resume(again.id, payload={"approved": False}, by="carol")
    assert done.status == "completed"
    assert [paid["by"] for paid in bank.paid] == ["carol"]
    assert [result.node_id for result in bank.history.reused(again.id)] == ["price"]


def test_the_first_node_sees_what_the_run_was_started_with_when_it_asks_again(memory_bank: Bank) -> None:
    bank = memory_bank
    bank.save({"nodes": payout(1)["nodes"][1:], "edges": payout(1)["edges"][1:]})
    run = bank.answered()
    bank.runs.retry(run.id, from_node="approve", by="ada")
    assert bank.seen == [({"order": 1}, None)]


def test_a_node_that_failed_after_the_answer_asks_again(memory_bank: Bank) -> None:
    bank = memory_bank
    bank.save(payout(1, metadata={"retry": {"maxRetries": 1, "interval": 0}}))
    fails = iter([True, True])
    ledger = fl.open_ledger("memory:", bank.executors(lambda step: _fail(step, fails)))
    ledger.workflows.save(payout(1, metadata={"retry": {"maxRetries": 1, "interval": 0}}), workflow_id="w", by="ada")
    run = ledger.runs.start("w", by="shop")
    run = ledger.runs.resume(run.id, payload=YES, by="bob")
    run = ledger.runs.proceed(run.id, by="cron")
    assert run.status == "failed"
    again = ledger.runs.retry(run.id, from_node="approve", by="ada")
    assert again.status == "paused"


def _fail(step: fl.StepContext, fails: Iterator[bool]) -> Any:
    if step.answer is None:
        return fl.Pause("?")
    if next(fails, False):
        raise TimeoutError("slow")
    return step.answer.payload


def test_a_retry_of_a_retry_that_asked_asks_again(memory_bank: Bank) -> None:
    bank = memory_bank
    bank.open = False
    run = bank.runs.start("w", by="shop")
    for who in ("bob", "carol", "dan"):
        run = bank.runs.resume(run.id, payload=YES, by=who)
        assert run.status == "failed"
        run = bank.runs.retry(run.id, from_node="approve", by="ada")
        assert run.status == "paused"
        assert bank.seen[-1] == (None, None)
    assert [paid["by"] for paid in bank.paid] == ["bob", "carol", "dan"]


def test_a_retry_from_behind_the_question_does_not_ask(memory_bank: Bank) -> None:
    run = memory_bank.answered()
    assert memory_bank.runs.retry(run.id, from_node="pay", by="ada").status == "completed"
    assert memory_bank.seen == []


def test_a_reproduction_asks_again_too(memory_bank: Bank) -> None:
    run = memory_bank.answered()
    assert memory_bank.runs.reproduce(run.id, by="ada").status == "paused"


# --- an answer that is taken over -------------------------------------------------------------------------------------


def test_an_answer_is_taken_over_where_its_node_is_named(bank: Bank) -> None:
    run = bank.answered()
    again = bank.runs.retry(run.id, from_node="approve", by="ada", answers=("approve",))
    assert again.status == "completed"
    assert [paid["by"] for paid in bank.paid] == ["bob"]
    (event, *_) = bank.history.events(again.id)
    assert event.data["given_answer"]["by"] == "bob"
    origin = bank.history.audit(again.id).origin
    assert origin is not None
    assert origin.given_answer is not None
    assert (origin.given_answer.by, origin.given_answer.payload) == ("bob", YES)
    assert bank.history.replay(again.id).ok
    assert bank.ledger.verify(deep=True).ok


def test_what_began_with_an_answer_asks_when_it_is_repeated(memory_bank: Bank) -> None:
    bank = memory_bank
    run = bank.answered()
    bank.open = False
    taken = bank.runs.retry(run.id, from_node="approve", by="ada", answers=("approve",))
    assert taken.status == "failed"
    bank.seen.clear()
    for again in (bank.runs.retry(taken.id, from_node="approve", by="ada"), bank.runs.reproduce(taken.id, by="ada")):
        assert again.status == "paused"
        assert bank.seen.pop() == (None, None)
    bank.runs.cancel(bank.history.runs()[1].id, by="ada")
    preview = bank.runs.retry(taken.id, from_node="approve", answers=("approve",), preview=True)
    assert [(answer.by, answer.reused) for answer in preview.answers] == [("bob", True)]


@pytest.mark.parametrize(
    ("from_node", "answers", "message"),
    [
        ("approve", ("pay",), "begins at node 'approve', and takes over no other answer"),
        (None, ("approve",), "begins at nothing that was answered"),
        ("approve", "approve", "write answers="),
        ("approve", 7, "is no list of nodes"),
        ("approve", ("approve", None), "are the ids of nodes"),
        ("pay", ("pay",), "nobody answered a question of that node"),
    ],
)
def test_answers_that_nobody_gave_are_refused(
    memory_bank: Bank, from_node: str | None, answers: Any, message: str
) -> None:
    run = memory_bank.answered()
    with pytest.raises(fl.InvalidRequest, match=message):
        memory_bank.runs.retry(run.id, from_node=from_node, answers=answers, by="ada")


# --- previews ---------------------------------------------------------------------------------------------------------


def test_a_preview_says_what_was_answered_then(memory_bank: Bank) -> None:
    run = memory_bank.answered()
    preview = memory_bank.runs.retry(run.id, from_node="approve", preview=True)
    (answer,) = preview.answers
    assert (answer.node_id, answer.reason, answer.payload, answer.by) == ("approve", "pay 100?", YES, "bob")
    assert (answer.wait, answer.reused, answer.timed_out) == (f"{run.id}:3", False, False)
    assert "approve asks again; then bob answered 'pay 100?' with {\"approved\":true} at" in str(preview)
    assert preview.to_data()["answers"][0]["by"] == "bob"
    named = memory_bank.runs.retry(run.id, from_node="approve", answers=["approve"], preview=True)
    assert "approve goes on with what bob answered" in str(named)
    assert memory_bank.runs.retry(run.id, from_node="pay", preview=True).answers == ()


# --- forks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["run.paused", "run.resumed"])
def test_a_fork_asks_again_where_its_question_has_changed(bank: Bank, event: str) -> None:
    run = bank.answered()
    at = bank.version_of(run, event)
    bank.save(payout(1_000_000))
    fork = bank.runs.fork(run.id, version=at, workflow_version=2, by="mallory", effects=("pay",))
    assert (fork.status, bank.paid, bank.seen) == ("paused", [], [(None, None)])
    assert [wait.reason for wait in fork.waits] == ["pay 1000000?"]
    assert [pause.reason for pause in bank.history.audit(fork.id).pauses] == ["pay 1000000?"]
    assert getattr(bank.history.audit(fork.id).origin, "asks_again", None) is True
    first = next(iter(bank.history.events(fork.id)))
    assert first.data["asks_again"] is True
    done = bank.runs.resume(fork.id, payload=YES, by="carol", wait=fork.waits[0].id)
    assert done.status == "completed"
    assert [(paid["by"], paid["question"]) for paid in bank.paid] == [("carol", "pay 1000000?")]
    assert bank.ledger.verify(deep=True).ok
    assert bank.runs.retry(done.id, from_node="approve", by="ada").status == "paused"


def test_a_fork_of_the_first_question_sees_what_the_run_was_started_with(memory_bank: Bank) -> None:
    bank = memory_bank
    for amount in (1, 2):
        bank.save({"nodes": payout(amount)["nodes"][1:], "edges": payout(amount)["edges"][1:]})
    run = bank.runs.start("w", payload={"order": 1}, by="shop")
    bank.seen.clear()
    fork = bank.runs.fork(run.id, workflow_version=2, by="ada", effects=("pay",))
    assert (fork.status, bank.seen) == ("paused", [({"order": 1}, None)])


def test_a_fork_asks_again_where_the_code_that_asks_has_changed(memory_bank: Bank, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    bank = Bank(url)
    run = bank.answered()
    at = bank.version_of(run, "run.resumed")
    bank.ledger.close()

    def asks_otherwise(step: fl.StepContext) -> Any:
        return fl.Pause("pay a lot?") if step.answer is None else {"question": "a lot", "by": step.answer.by}

    with fl.open_ledger(url, bank.executors(asks_otherwise)) as ledger:
        fork = ledger.runs.fork(run.id, version=at, by="mallory", effects=("pay",))
        assert (fork.status, bank.paid) == ("paused", [])
        kept = ledger.runs.fork(run.id, version=at, by="mallory", effects=("pay",), answers=("approve",))
        assert [paid["by"] for paid in bank.paid] == ["bob"]
        assert kept.status == "completed"


def test_a_fork_of_an_unchanged_question_stands_as_its_source_did(memory_bank: Bank) -> None:
    bank = memory_bank
    run = bank.answered()
    bank.save({**payout(100), "nodes": [*payout(100)["nodes"][:2], {"id": "pay", "type": "pay", "data": {"x": 1}}]})
    waiting = bank.runs.fork(
        run.id, version=bank.version_of(run, "run.paused"), workflow_version=2, by="ada", effects=("pay",)
    )
    assert (waiting.status, bank.seen) == ("paused", [])
    gone_on = bank.runs.fork(
        run.id, version=bank.version_of(run, "run.resumed"), workflow_version=2, by="ada", effects=("pay",)
    )
    assert (gone_on.status, bank.paid[0]["by"]) == ("completed", "bob")


def test_a_fork_that_asks_again_may_be_left_to_a_worker(bank: Bank) -> None:
    run = bank.answered()
    bank.save(payout(5))
    at = bank.version_of(run, "run.resumed")
    fork = bank.runs.fork(run.id, version=at, workflow_version=2, by="ada", effects=("pay",), wait=False)
    assert bank.history.header(fork.id).queued
    assert bank.seen == []
    assert bank.runs.proceed(fork.id, by="worker").status == "paused"
    types = [event.type for event in bank.history.events(fork.id)]
    assert types == ["run.started", "run.claimed", "run.paused"]


def test_a_fork_of_a_held_question_that_has_changed_stays_held_and_asks_after_the_release(memory_bank: Bank) -> None:
    bank = memory_bank
    run = bank.runs.start("w", by="shop")
    bank.runs.hold(run.id, by="ops", reason="fraud?")
    bank.save(payout(5))
    bank.seen.clear()
    fork = bank.runs.fork(run.id, workflow_version=2, by="ada", effects=("pay",))
    assert (fork.status, fork.held is not None, fork.waits, bank.seen) == ("paused", True, (), [])
    bank.runs.release(fork.id, by="ops")
    asked = bank.runs.proceed(fork.id, by="ops")
    assert [wait.reason for wait in asked.waits] == ["pay 5?"]
    types = [event.type for event in bank.history.events(fork.id)]
    assert types == ["run.started", "run.released", "run.claimed", "run.paused"], "nobody was taken over"
    assert bank.ledger.verify(deep=True).ok


def test_an_edit_behind_an_answer_leaves_the_answer_behind(memory_bank: Bank) -> None:
    bank = memory_bank
    run = bank.answered()
    fork = bank.runs.fork(run.id, version=bank.version_of(run, "run.resumed"), output=7, by="ada", effects=("pay",))
    assert (fork.status, bank.seen) == ("paused", [(None, None)])


def test_an_answer_that_a_fork_does_not_stand_behind_cannot_be_kept(memory_bank: Bank) -> None:
    run = memory_bank.answered()
    for at in ("run.started", "run.paused", "run.step_failed"):
        version = memory_bank.version_of(run, at)
        with pytest.raises(fl.InvalidRequest, match="takes over no other answer"):
            memory_bank.runs.fork(run.id, version=version, answers=("approve",), by="ada", effects=("pay",))


def test_a_fork_that_asks_again_goes_through_an_export(bank: Bank, tmp_path: Any) -> None:
    run = bank.answered()
    at = bank.version_of(run, "run.resumed")
    bank.save(payout(1_000_000))
    fork = bank.runs.fork(run.id, version=at, workflow_version=2, by="mallory", effects=("pay",))
    taken = bank.runs.retry(run.id, from_node="approve", answers=("approve",), by="ada")
    with fl.open_ledger("memory:", bank.executors(bank.approve)) as elsewhere:
        for one in (fork, taken):
            path = tmp_path / f"{one.id}.jsonl"
            bank.history.export(one.id, path)
            elsewhere.history.import_(path, continue_existing=True)
            assert elsewhere.runs.get(one.id) == bank.runs.get(one.id)
        assert elsewhere.verify(deep=True).ok
        assert elsewhere.runs.resume(fork.id, payload=YES, by="carol").status == "completed"


# --- the law ----------------------------------------------------------------------------------------------------------

ACTS = st.sampled_from(["retry", "fork", "fork behind", "reproduce", "answer", "save", "hold", "fail"])


@given(acts=st.lists(ACTS, min_size=1, max_size=12), seed=st.randoms(use_true_random=False))
@settings(max_examples=tries(40), deadline=None)
def test_no_payment_is_made_but_by_who_was_asked_for_it(acts: list[str], seed: Any) -> None:
    """Whatever is repeated, and whatever is saved meanwhile: what is paid was asked so, and answered by somebody."""
    bank = Bank("memory:")
    amount = 100
    asked: dict[str, str] = {}
    runs = [bank.runs.start("w", payload={"order": 1}, by="shop").id]
    for act in acts:
        run = bank.runs.get(seed.choice(runs))
        made: fl.Run | None = None
        try:
            match act:
                case "retry":
                    made = bank.runs.retry(run.id, from_node="approve", by="mallory")
                case "fork":
                    made = bank.runs.fork(run.id, version=seed.randint(1, run.version), by="mallory", effects=("pay",))
                case "fork behind":
                    versions = len(bank.ledger.workflows.versions("w"))
                    made = bank.runs.fork(
                        run.id, workflow_version=seed.randint(1, versions), by="mallory", effects=("pay",)
                    )
                case "reproduce":
                    made = bank.runs.reproduce(run.id, by="mallory")
                case "answer":
                    for wait in run.waits:
                        asked[f"cfo{len(asked)}"] = str(wait.reason)
                        bank.runs.resume(run.id, payload=YES, by=f"cfo{len(asked) - 1}", wait=wait.id)
                case "save":
                    amount += 1
                    bank.save(payout(amount))
                case "hold":
                    bank.runs.release(run.id) if run.held else bank.runs.hold(run.id)
                case _:
                    bank.open = not bank.open
        except (fl.IllegalTransition, fl.InvalidRequest):
            continue
        if made is not None:
            runs.append(made.id)
    assert all(asked[paid["by"]] == paid["question"] for paid in bank.paid)
    assert bank.ledger.verify(deep=True).ok
