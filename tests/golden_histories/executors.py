"""What the golden histories ran, as it is today. Change it, and a history that has run it another way must fail."""

from datetime import UTC, datetime
from typing import Any

import flowledger as fl

APPROVAL = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}


def registry(**instead: Any) -> fl.ExecutorRegistry:
    """All executors; ``instead`` names functions that take the place of today's."""
    executors = fl.ExecutorRegistry()
    for type, function in {**EXECUTORS, **instead}.items():
        retry = fl.RetryPolicy(max_retries=1, interval=60) if type == "flaky" else None
        executors.register(type, retry=retry, effects=type == "charge")(function)
    return executors


def read(step: fl.StepContext) -> Any:
    step.log.info("reading %s", step.data["what"])
    return {"what": step.data["what"], "net": 100.0}


def price(step: fl.StepContext) -> Any:
    return {"gross": round(step.data["net"] * 1.2, 2)}


def price_of_then(step: fl.StepContext) -> Any:
    return {"gross": round(step.data["net"] * 1.19, 2)}


def route(step: fl.StepContext) -> Any:
    return fl.StepResult(step.data["gross"], "dear" if step.data["gross"] > 110 else "cheap")


def count(step: fl.StepContext) -> Any:
    return fl.StepResult({"round": step.runs + 1}, "again" if step.runs < 2 else None)


def flaky(step: fl.StepContext) -> Any:
    if step.attempt == 1:
        raise TimeoutError("the bank is slow")
    return "at last"


def ask(step: fl.StepContext) -> Any:
    return fl.Pause("a person must look") if step.payload is None else step.payload


def approve(step: fl.StepContext) -> Any:
    if step.answer is None:
        deadline = datetime(2030, 1, 1, tzinfo=UTC)
        return fl.Pause(f"approve {step.data['amount']}?", until=deadline, answer=APPROVAL)
    return {"approved": step.answer.payload["approved"], "by": step.answer.by}


def charge(step: fl.StepContext) -> Any:
    return {"receipt": step.effect_key.partition(":")[2]}


def refuse(step: fl.StepContext) -> Any:
    raise fl.NonRetryable(f"no stock of {step.data['what']}")


EXECUTORS = {
    "read": read,
    "price": price,
    "route": route,
    "count": count,
    "flaky": flaky,
    "ask": ask,
    "approve": approve,
    "charge": charge,
    "refuse": refuse,
}
