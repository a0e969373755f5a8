"""When an event may follow in a run, as a question to its state: why not? None: it may."""

from ..status import TERMINAL
from .state import RunState


def why_not_start(run: RunState) -> str | None:
    return None if run.version == 0 else _refusal(run)


def why_not_resume(run: RunState) -> str | None:
    if run.held is not None:
        return None if "as_pause" in run.held else _HELD  # older releases lifted theirs so
    return None if run.status == "paused" else _refusal(run)


def why_not_retry(run: RunState) -> str | None:
    return _unless_held(run, run.status == "error" or _is_fork_of_failed(run))


def why_not_claim(run: RunState) -> str | None:
    return _unless_held(run, run.status == "active" and run.queued)


def why_not_recover(run: RunState) -> str | None:
    return _unless_held(run, run.status == "active")


def why_not_pause(run: RunState) -> str | None:
    """Of an operator's pause, as older releases recorded it."""
    return _unless_held(run, run.status not in TERMINAL and run.status != "paused")


def why_not_hold(run: RunState) -> str | None:
    return _unless_held(run, run.status not in TERMINAL)


def why_not_release(run: RunState) -> str | None:
    return None if run.held is not None else "nobody holds the run"


def why_not_end(run: RunState) -> str | None:
    return None if run.status not in TERMINAL else _refusal(run)


def why_not_set_metadata(_: RunState) -> str | None:
    return None


def why_not_outside_of_a_step(run: RunState) -> str | None:
    """Of the outcomes of steps, which may follow only where ``Legality`` knows that a step is in flight."""
    return _refusal(run)


_HELD = "it can't follow in a run that is held"


def _unless_held(run: RunState, may_follow: bool) -> str | None:
    if run.held is not None:
        return _HELD
    return None if may_follow else _refusal(run)


def _refusal(run: RunState) -> str:
    return f"it can't follow in a run that is {run.run_status}"


def _is_fork_of_failed(run: RunState) -> bool:
    return run.version == 1 and run.status == "failed" and run.origin is not None and run.origin["kind"] == "fork"
