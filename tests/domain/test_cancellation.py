"""Telling an executor to stop."""

import threading

import pytest

import flowledger as fl
from flowledger.domain.execution.cancellation import CANCELLED, HELD, TAKEN_OVER, TIMED_OUT, Cancellation

MAX_WAIT = 60.0


def test_nobody_has_asked_an_executor_of_an_engine_to_stop() -> None:
    seen: list[fl.StepCancellation] = []
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: seen.append(step.cancelled))
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "work"}]})
    fl.Engine(definition, executors).execute()
    assert (seen[0].is_set(), seen[0].wait(0), seen[0].wait(-1), seen[0].reason) == (False, False, False, None)


def test_a_step_always_sees_the_same_one() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: step.cancelled is step.cancelled)
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "work"}]})
    assert fl.Engine(definition, executors).execute().context["a"][0].output is True


@pytest.mark.parametrize("seconds", [None, MAX_WAIT, 1e300])
def test_who_waits_is_woken_with_the_reason(seconds: float | None) -> None:
    cancellation = Cancellation()
    woken: list[tuple[bool, str | None]] = []

    def wait() -> None:
        woken.append((cancellation.wait(seconds), cancellation.reason))

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    cancellation.set(CANCELLED)
    for thread in waiting:
        thread.join(MAX_WAIT)
    assert woken == [(True, CANCELLED)] * 3
    assert cancellation.wait(0)


def test_the_first_reason_stays_but_a_hold_gives_way() -> None:
    cancellation = Cancellation()
    told: list[str] = []
    cancellation.add_listener(told.append)
    for reason in (HELD, HELD, TAKEN_OVER, CANCELLED, HELD, TIMED_OUT):
        cancellation.set(reason)
    assert (cancellation.reason, told) == (TAKEN_OVER, [HELD, TAKEN_OVER])


def test_only_a_hold_ends() -> None:
    cancellation = Cancellation()
    cancellation.set(HELD)
    cancellation.end_hold()
    assert not cancellation.is_set()
    cancellation.set(CANCELLED)
    cancellation.end_hold()
    assert cancellation.reason == CANCELLED


def test_a_listener_that_comes_late_is_called_at_once_and_one_that_left_is_not() -> None:
    cancellation = Cancellation()
    early: list[str] = []
    late: list[str] = []
    cancellation.add_listener(early.append)
    cancellation.remove_listener(early.append)
    cancellation.set(CANCELLED)
    cancellation.add_listener(late.append)
    assert (early, late) == ([], [CANCELLED])
