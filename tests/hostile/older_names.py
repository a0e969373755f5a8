"""Stores as older releases could leave them: with names that no new one takes any more."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import flowledger as fl
from flowledger.domain.values import names

EVIL = "\x1b]0;PWNED\x07\x1b[2J\x9b31m\x7f\x85\u202e\u2066\u2028\r\x0b[/bold][link=https://x]:smile:{0}%s\nFORGED\ttab"
"""All of it at once, but no NUL, which no id could ever hold."""


@contextmanager
def as_older_releases_did() -> Iterator[None]:
    """Names of any characters are taken."""
    with mock.patch.object(names, "CONTROL_CHARACTERS", re.compile("(?!)")):
        yield


def fill(url: str) -> dict[str, str]:
    """Fill a store with what comes from strangers; returns the ids of its runs, by how they ended."""
    with as_older_releases_did(), fl.open_ledger(url, registry()) as ledger:
        for message in (EVIL, f"{EVIL} again"):
            ledger.workflows.save(definition(message), workflow_id=EVIL, by=EVIL, message=message, name=EVIL)
        start = ledger.runs.start
        given = {"by": EVIL, "metadata": {EVIL: EVIL}}
        runs = {
            "completed": start(EVIL, payload={EVIL: EVIL, "way": EVIL}, idempotency_key=EVIL, **given),
            "failed": start(EVIL, payload="fail", **given),
            "other": start(EVIL, payload={"way": EVIL, EVIL: 2}, **given),
            "paused": start(EVIL, payload="wait", **given),
            "cancelled": start(EVIL, payload="wait", **given),
        }
        ledger.runs.cancel(runs["cancelled"].id, by=EVIL, reason=EVIL)
        ledger.runs.set_metadata(runs["paused"].id, {EVIL: None, "x": EVIL}, by=EVIL)
        runs["forked"] = ledger.runs.fork(runs["completed"].id, 2, by=EVIL, output=fl.StepResult(EVIL, handle=EVIL))
        runs["retried"] = ledger.runs.retry(runs["failed"].id, by=EVIL)
    return {how: run.id for how, run in runs.items()} | {"order": runs["completed"].work_order_id}


def definition(text: str) -> dict[str, list[dict[str, object]]]:
    return {
        "nodes": [
            {"id": EVIL, "type": EVIL, "data": {"given": "{{ payload }}", EVIL: text}, "code": text},
            {"id": f"{EVIL}2", "type": EVIL, "metadata": {EVIL: text}},
        ],
        "edges": [{"id": EVIL, "source": EVIL, "target": f"{EVIL}2", "sourceHandle": EVIL}],
    }


def registry() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register(EVIL)
    def work(step: fl.StepContext) -> object:
        step.log.warning("logged %s", EVIL)
        if step.payload == "wait":
            return fl.Pause(EVIL)
        if step.payload == "fail":
            raise type(EVIL.replace("\0", ""), (Exception,), {})(EVIL)
        return fl.StepResult({EVIL: EVIL, "x": step.data}, handle=EVIL) if step.node.id == EVIL else EVIL

    return executors


with as_older_releases_did():
    executors = registry()
"""For ``--app tests.hostile.older_names:executors``."""
