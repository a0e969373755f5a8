"""The triage workflow: what becomes of a webhook delivery. Event types that it doesn't name are ignored.

A run's payload is ``{"event": name, "body": payload}``: the name comes in a header of the delivery, not in its body.
"""

import hashlib
import json
from importlib.resources import files
from typing import Any

from .....domain.errors import NonRetryable
from .....domain.execution.executors import ExecutorRegistry, Pause, StepContext, StepResult
from .....domain.workflow.retry_policy import RetryPolicy

executors = ExecutorRegistry()

SECURITY = 10
"""From this priority on a person decides."""

WEIGHTS = {"security": 10, "vulnerability": 10, "regression": 5, "bug": 3}
"""What a label adds to the priority; any other label adds 1."""

BRANCHES = {
    "issues": "conversation",
    "issue_comment": "conversation",
    "discussion": "conversation",
    "pull_request": "code",
    "pull_request_review": "code",
    "push": "code",
    "check_run": "delivery",
    "workflow_run": "delivery",
    "release": "delivery",
}

BOOKKEEPING = {"assigned", "unassigned", "pinned", "unpinned", "milestoned", "demilestoned", "requested"}
"""Actions that need no attention."""


@executors.register("intake")
def intake(step: StepContext) -> dict[str, Any]:
    """Take the delivery in: the fields that the expressions picked, the body, and its digest."""
    if not isinstance(step.payload, dict) or "body" not in step.payload:
        raise NonRetryable('a delivery is {"event": name, "body": {...}}')
    body = step.payload["body"]
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return {**step.data, "digest": hashlib.sha256(text.encode()).hexdigest(), "body": body}


@executors.register("route")
def route(step: StepContext) -> StepResult:
    """Choose a branch by event type and action."""
    event, action = step.data["event"], step.data["action"]
    branch = "ignore" if action in BOOKKEEPING else BRANCHES.get(event, "ignore")
    return StepResult({"branch": branch}, handle=branch)


@executors.register("subject")
def subject(step: StepContext) -> Any:
    """What the delivery is about: all the work was done by the expressions."""
    return step.data


@executors.register("enrich", retry=RetryPolicy(max_retries=3, interval=0.02, backoff="exponential"))
def enrich(step: StepContext) -> dict[str, Any]:
    """Ask the directory who maintains the repository. For every other delivery it doesn't answer at first."""
    if step.attempt == 1 and int(step.data["digest"], 16) % 2:
        step.log.info("the directory did not answer")
        raise ConnectionError("the directory did not answer")
    owner = step.data["repository"].split("/")[0].lower()
    step.log.info("maintainers of %s found", step.data["repository"])
    return {**step.data["subject"], "team": f"{owner}-maintainers"}


@executors.register("each")
def each(step: StepContext) -> StepResult:
    """The next item, or the end of the loop."""
    items = step.data["items"]
    index = step.runs
    if index < len(items):
        return StepResult({"item": items[index], "index": index}, handle="item")
    return StepResult({"total": len(items)}, handle="done")


@executors.register("weigh")
def weigh(step: StepContext) -> dict[str, Any]:
    """How much one label counts."""
    label = step.data["label"]
    return {"label": label, "weight": WEIGHTS.get(label.lower(), 1)}


@executors.register("assess")
def assess(step: StepContext) -> StepResult:
    """Add up; whatever destroys evidence or asks for rights is relevant to security, whatever its labels."""
    priority = sum(step.data["weights"]) + (SECURITY if step.data["alarm"] else 0)
    return StepResult({"priority": priority}, handle="security" if priority >= SECURITY else "routine")


DECISION = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}


@executors.register("approval")
def approval(step: StepContext) -> StepResult | Pause:
    """Ask a person for a decision: ``{"approved": true or false}``."""
    if step.answer is None:
        return Pause(reason="relevant to security: waiting for a decision", answer=DECISION)
    decision = step.answer.payload
    return StepResult(decision, handle="approved" if decision["approved"] else "rejected")


@executors.register("close")
def close(step: StepContext) -> Any:
    """The end of a triage; what is kept of it is the node's data."""
    return step.data


DEFINITION: dict[str, Any] = json.loads((files(__package__ or "") / "triage.json").read_text("utf-8"))
"""The definition, as ``workflow save`` takes it."""
