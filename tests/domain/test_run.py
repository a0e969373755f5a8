"""The Run aggregate: given these events, when this is asked, then these events follow, or a refusal, or nothing."""

import hypothesis
import pytest
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.ports import NewEvent, RowBatch, RowDecoder
from flowledger.domain.run import (
    RunState,
    cancel,
    evolve,
    fail,
    fold_batches,
    hold,
    proceed,
    release,
    resume,
    segments,
    set_metadata,
    snapshots,
)
from flowledger.domain.run import fold as folding
from flowledger.projections.runs.checkpoint import checkpoint_of
from flowledger.testing import given

STARTED = ("run.started", {"workflow_id": "w", "workflow_version": 1, "definition_digest": "d", "start_node_id": "a"})
PAUSED = ("run.paused", {"node_id": "a", "started_at": 10, "reason": "review"})
FAILING = (
    "run.step_failed",
    {"node_id": "a", "started_at": 10, "error": {"type": "E", "message": "m"}, "retry_at": 99},
)
FAILED = ("run.step_failed", {"node_id": "a", "started_at": 10, "error": {"type": "E", "message": "m"}})
STEPPED = ("run.step_completed", {"node_id": "a", "started_at": 10, "output": 1, "next_node_id": "b"})
COMPLETED = ("run.step_completed", {"node_id": "a", "started_at": 10, "output": 1})
OPERATOR_PAUSED = ("run.paused", {"reason": "maintenance"})
"""As older releases recorded a hold."""
HELD, RELEASED = ("run.held", {"reason": "maintenance"}), ("run.released", {"note": "go on"})
QUEUED = ("run.started", STARTED[1] | {"queued": True})
CANCELLED = ("run.cancelled", {"reason": "duplicate"})


def recorded(events):
    """The events as they would be recorded: version, type and body, a millisecond after each other."""
    spent = 0
    for version, (kind, body) in enumerate(events, 1):
        data = {"recorded_at": version * 1000, "by": "ada", "correlation_id": "order", **body}
        if "started_at" in data:
            spent += data.get("finished_at", data["recorded_at"]) - data["started_at"]
            data["spent"] = spent
        yield version, kind, data


def run_after(*events):
    return given(*(NewEvent(kind, data) for _, kind, data in recorded(events)), stream="r")


def state_after(*events):
    return run_after(*events).state


COMMANDS = {
    "resume": lambda state: resume(state, {"ok": 1}, "bob", 5000),
    "proceed": lambda state: proceed(state, None, "bob", 5000),
    "hold": lambda state: hold(state, "wait", "bob", 5000),
    "release": lambda state: release(state, "go on", "bob", 5000),
    "cancel": lambda state: cancel(state, "stop", "bob", 5000),
}

RESUME, RETRY, RECOVER, CLAIM = "run.resumed", "run.retried", "run.recovered", "run.claimed"
HOLD, RELEASE, CANCEL = "run.held", "run.released", "run.cancelled"
NO, SILENCE = "refused", None

ANSWERS = [
    # given                             resume   proceed  hold  release  cancel
    ((STARTED,), (NO, RECOVER, HOLD, NO, CANCEL)),
    ((QUEUED,), (NO, CLAIM, HOLD, NO, CANCEL)),
    ((QUEUED, HELD), (NO, NO, NO, RELEASE, CANCEL)),
    ((QUEUED, HELD, RELEASED), (NO, CLAIM, HOLD, NO, CANCEL)),
    ((STARTED, PAUSED), (RESUME, NO, HOLD, NO, CANCEL)),
    ((STARTED, PAUSED, HELD), (NO, NO, NO, RELEASE, CANCEL)),
    ((STARTED, PAUSED, HELD, RELEASED), (RESUME, NO, HOLD, NO, CANCEL)),
    ((STARTED, OPERATOR_PAUSED), (NO, NO, NO, RELEASE, CANCEL)),
    ((STARTED, HELD, STEPPED), (NO, NO, NO, RELEASE, CANCEL)),
    ((STARTED, HELD, STEPPED, RELEASED), (NO, CLAIM, HOLD, NO, CANCEL)),
    ((STARTED, HELD, RELEASED), (NO, RECOVER, HOLD, NO, CANCEL)),
    ((STARTED, HELD, FAILING), (NO, NO, NO, RELEASE, CANCEL)),
    ((STARTED, HELD, FAILING, RELEASED), (NO, RETRY, HOLD, NO, CANCEL)),
    ((STARTED, HELD, PAUSED, RELEASED), (RESUME, NO, HOLD, NO, CANCEL)),
    ((STARTED, FAILING), (NO, RETRY, HOLD, NO, CANCEL)),
    ((STARTED, FAILING, HELD), (NO, NO, NO, RELEASE, CANCEL)),
    ((STARTED, FAILED), (NO, SILENCE, NO, NO, NO)),
    ((STARTED, COMPLETED), (NO, SILENCE, NO, NO, NO)),
    ((STARTED, HELD, COMPLETED), (NO, SILENCE, NO, NO, NO)),
    ((STARTED, CANCELLED), (NO, SILENCE, NO, NO, NO)),
]


@pytest.mark.parametrize(
    ("events", "command", "answer"),
    [(events, command, answer) for events, row in ANSWERS for command, answer in zip(COMMANDS, row, strict=True)],
    ids=lambda value: value if isinstance(value, str) else "+".join(kind for kind, _ in value) if value else "silence",
)
def test_every_command_in_every_state(events, command, answer):
    decision = run_after(*events).when(COMMANDS[command])
    if answer == NO:
        decision.then_refused(fl.IllegalTransition, "run 'r' is")
    elif answer is SILENCE:
        decision.then_nothing()
    else:
        decision.then(NewEvent(answer, {"by": "bob", "recorded_at": 5000, "correlation_id": "order"}))


def test_time_never_runs_backwards_in_a_stream():
    held = NewEvent("run.held", {"recorded_at": 1000})
    run_after(STARTED).when(lambda run: hold(run, None, "bob", 1)).then(held)


def test_a_retry_sees_the_payload_of_the_attempt_that_it_repeats():
    started = ("run.started", STARTED[1] | {"payload": {"order": 7}})
    assert state_after(started, FAILING, ("run.retried", {})).payload == {"order": 7}
    assert state_after(started, FAILING, ("run.retried", {"payload": 8})).payload == 8


def test_a_resume_after_a_nodes_own_pause_brings_its_own_payload_or_none():
    started = ("run.started", STARTED[1] | {"payload": {"order": 7}})
    assert state_after(started, PAUSED, ("run.resumed", {})).payload is None
    assert state_after(started, PAUSED, ("run.resumed", {"payload": "go"})).payload == "go"


def test_after_an_operators_pause_the_step_that_was_held_back_still_sees_its_payload():
    started = ("run.started", STARTED[1] | {"payload": {"order": 7}})
    assert state_after(started, OPERATOR_PAUSED, ("run.resumed", {})).payload == {"order": 7}


def test_a_hold_shows_in_the_snapshot_beside_what_the_run_waits_for():
    asked = ("run.paused", PAUSED[1] | {"until": 9_000_000})
    shown = state_after(STARTED, asked, HELD).snapshot()
    held = {"by": "ada", "reason": "maintenance", "at": 3, "status": "paused"}
    assert (shown.status, shown.metadata) == (
        "paused",
        {"pausedReason": "review", "pausedUntil": 9_000, "held": held},
    )
    assert state_after(STARTED, asked, HELD, RELEASED).snapshot().metadata == {
        "pausedReason": "review",
        "pausedUntil": 9_000,
    }


@pytest.mark.parametrize("held", [HELD, OPERATOR_PAUSED], ids=["held", "as older releases said it"])
def test_a_run_that_is_held_during_a_retry_or_a_wait_is_not_due(held):
    due = ("run.step_failed", FAILING[1] | {"retry_at": 77})
    assert state_after(STARTED, due).due_at == 77
    assert state_after(STARTED, due, held).due_at is None
    assert state_after(STARTED, ("run.paused", PAUSED[1] | {"until": 88})).due_at == 88


def test_an_answer_is_there_until_the_node_that_asked_has_come_to_its_end():
    answered = (STARTED, PAUSED, ("run.resumed", {"wait": 2, "payload": False, "by": "cfo"}))
    answer = {"wait": "r:2", "by": "cfo", "at": 3000, "timed_out": False}
    for events in (answered, (*answered, FAILING), (*answered, FAILING, ("run.retried", {}))):
        state = state_after(*events)
        assert (state.answer, state.payload, state.wait) == (answer, False, None)
    for ended in (STEPPED, PAUSED):
        assert state_after(*answered, ended).answer is None


def test_recoveries_are_those_of_the_step_that_is_under_way():
    recovered = ("run.recovered", {})
    assert state_after(QUEUED, recovered).recoveries == 0  # as older releases began a queued run
    assert state_after(QUEUED, ("run.claimed", {}), recovered, recovered).recoveries == 2
    assert state_after(STARTED, recovered, STEPPED).recoveries == 0
    assert state_after(STARTED, recovered, FAILING, ("run.retried", {}), recovered).recoveries == 1


def test_a_step_in_flight_is_recorded_behind_an_operators_pause_and_the_pause_holds():
    snapshot = state_after(STARTED, OPERATOR_PAUSED, STEPPED).snapshot()
    assert (snapshot.status, snapshot.current_node_id, len(snapshot.context["a"])) == ("paused", "b", 1)
    assert snapshot.metadata == {"pausedReason": "maintenance"}


def test_a_step_in_flight_that_was_the_last_one_completes_a_paused_run():
    snapshot = state_after(STARTED, OPERATOR_PAUSED, COMPLETED).snapshot()
    assert (snapshot.status, snapshot.current_node_id, snapshot.metadata) == ("completed", None, {})


def test_a_step_in_flight_is_recorded_behind_a_cancel_and_the_run_stays_cancelled():
    snapshot = state_after(STARTED, CANCELLED, COMPLETED).snapshot()
    assert (snapshot.status, len(snapshot.context["a"])) == ("failed", 1)
    assert snapshot.metadata == {"failedReason": "Cancelled by ada: duplicate"}


def test_reasons_and_retry_state_end_with_the_state_that_they_explain():
    waiting = state_after(STARTED, FAILING).snapshot()
    assert waiting.metadata == {"pausedReason": "Retry attempt 1"}
    assert waiting.retry_state is not None
    going_on = state_after(STARTED, FAILING, ("run.retried", {})).snapshot()
    assert (going_on.metadata, going_on.retry_state, going_on.status) == ({}, None, "active")


def test_version_moves_with_every_event():
    assert state_after(STARTED, PAUSED, ("run.resumed", {}), COMPLETED).snapshot().version == 4


def test_metadata_is_merged_and_null_removes():
    state = state_after(("run.started", STARTED[1] | {"metadata": {"a": 1, "b": 2}}))
    event = set_metadata(state, {"b": None, "c": {"d": None}}, "bob", 5000)
    evolve(state, event.type, event.data)
    assert state.snapshot().metadata == {"a": 1, "c": {"d": None}}


def test_execution_time_is_the_time_in_executors_never_idle_time():
    first = ("run.step_completed", {"node_id": "a", "started_at": 1_500, "next_node_id": "b"})
    state = state_after(STARTED, first, ("run.paused", {"node_id": "b", "started_at": 3_000, "finished_at": 3_000}))
    assert state.total_time == 2000 - 1500


def test_failing_the_run_records_why():
    failed = NewEvent("run.failed", {"reason": "Step limit exceeded"})
    run_after(STARTED).when(lambda run: fail(run, "Step limit exceeded", "bob", 5000)).then(failed)


def test_a_snapshot_and_its_json_are_equal():
    snapshot = state_after(("run.started", STARTED[1] | {"payload": 5}), STEPPED, FAILING).snapshot()
    assert fl.Snapshot.from_json(snapshot.to_json()) == snapshot


@hypothesis.given(
    st.lists(
        st.sampled_from(
            [
                *(STEPPED, STEPPED, STEPPED, PAUSED, OPERATOR_PAUSED, FAILING, COMPLETED, CANCELLED),
                *(("run.resumed", {}), ("run.resumed", {"payload": 1}), ("run.retried", {}), ("run.recovered", {})),
                ("run.step_completed", {"node_id": "a", "started_at": 7, "finished_at": 9, "unrouted": True}),
                *(("run.metadata_set", {"metadata": {"k": 1}}), ("run.failed", {"reason": "limit"})),
            ]
        ),
        max_size=25,
    ),
    st.integers(0, 25),
)
def test_folding_pages_is_folding_their_events_one_by_one(events, cut):
    story = [(STARTED[0], STARTED[1] | {"payload": 7})]
    for event in events:
        if event[0] != "run.step_completed" or "next_node_id" in story[-1][1] or story[-1][0] != event[0]:
            story.append(event)  # no step follows directly on one that ends the run
    rows = list(recorded(story))
    bodies = {version: data for version, _, data in rows}
    decoder = RowDecoder("r", lambda _stream, version, _type, _state: dict(bodies[version]))
    sealed = [(version, kind, b"", version) for version, kind, _ in rows]
    one_by_one = RunState("r")
    each = []
    for _, kind, data in rows:
        evolve(one_by_one, kind, data)
        each.append(one_by_one.snapshot())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "FEW", 1)
        at_once = RunState("r")
        fold_batches(at_once, [RowBatch(sealed[:cut], decoder), RowBatch(sealed[cut:], decoder)])
        batches = [RowBatch(sealed[:cut], decoder), RowBatch(sealed[cut:], decoder)]
        walked = list(snapshots(segments(RunState("r"), batches)))

    assert checkpoint_of(at_once) == checkpoint_of(one_by_one)
    assert at_once.snapshot() == one_by_one.snapshot()
    assert walked == each
    assert [snapshot.to_json() for snapshot in walked] == [snapshot.to_json() for snapshot in each]
