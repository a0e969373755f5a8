"""A scenario's executors on a bench: the closed vocabulary of behaviours, a hand-moved clock, a record of calls."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ConfigDict, create_model

import flowledger as fl

from .scenarios import T0, Json, Scenario

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA_STYLES = ("json-schema", "pydantic-model")


class FailedError(Exception):
    """An executor of a scenario failed, as it should."""


class ThrownError(Exception):
    """An executor of a scenario threw a bare value; the message is that value as text."""


class Bench:
    """``millis`` is the clock, ``seen`` what executors were given, ``spent`` the milliseconds that they took in all."""

    def __init__(self, scenario: Scenario, schema_style: str = SCHEMA_STYLES[0]) -> None:
        self.scenario = scenario
        self.schema_style = schema_style
        self.millis = T0
        self.spent = 0
        self.invocations: Counter[str] = Counter()
        self.seen: list[Json] = []
        self.last_handle: str | None = None

    def clock(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self.millis)

    def registry(self) -> fl.ExecutorRegistry:
        """Raises InvalidDefinition for a retry policy that is none."""
        executors = fl.ExecutorRegistry()
        for kind, entry in self.scenario.behaviours.items():
            schema = entry.get("inputSchema") if self.scenario.validates else None
            register = executors.register(kind, retry=_policy(entry), input=self._schema(schema))
            register(self._executor(entry["behaviour"]))
        return executors

    def fork(self) -> "Bench":
        """A bench that goes on from here on its own."""
        other = Bench(self.scenario, self.schema_style)
        other.millis = self.millis
        other.invocations = Counter(self.invocations)
        return other

    def at(self, call: int, steps: int) -> "Bench":
        """A new bench as it stands when the reference engine had made ``steps`` steps of call ``call``."""
        other = Bench(self.scenario, self.schema_style)
        done = self.scenario.executor_calls
        for index, entry in enumerate(self.scenario.calls[: call + 1]):
            other.millis += entry.get("advanceClockMs", 0)
            for seen in done[index] if index < call else done[index][:steps]:
                other.invocations[seen["nodeId"]] += 1
                other.millis += self._duration(seen)
        return other

    def _duration(self, seen: Json) -> int:
        kind = next(node["type"] for node in self.scenario.workflow["nodes"] if node["id"] == seen["nodeId"])
        return _milliseconds(self.scenario.behaviours[kind]["behaviour"], seen["invocation"])

    def _executor(self, behaviour: Json) -> Any:
        def run(step: fl.StepContext) -> Any:
            self.invocations[step.node.id] += 1
            invocation = self.invocations[step.node.id]
            seen = {"nodeId": step.node.id, "invocation": invocation, "input": step.data}
            self.seen.append(seen if step.payload is None else {**seen, "payload": step.payload})
            duration = _milliseconds(behaviour, invocation)
            self.millis += duration
            self.spent += duration
            result = perform(behaviour, step, invocation)
            self.last_handle = result.handle if isinstance(result, fl.StepResult) else None
            return result

        return run

    def _schema(self, schema: Json | None) -> Any:
        if schema is None:
            return None
        return _json_schema(schema) if self.schema_style == "json-schema" else _model(schema)


def perform(behaviour: Json, step: fl.StepContext, invocation: int) -> Any:
    """What the executor returns, or raises, under one behaviour of the vocabulary."""
    data, payload = step.data, step.payload
    runs = len(step.context.get(step.node.id, ()))
    match behaviour:
        case {"advanceClockMs": _, "then": then}:
            return perform(then, step, invocation)
        case {"failTimes": times, "error": message, "then": then}:
            return perform({"alwaysFail": message} if invocation <= times else then, step, invocation)
        case {"failOnInvocations": turns, "error": message, "then": then}:
            return perform({"alwaysFail": message} if invocation in turns else then, step, invocation)
        case {"pauseOnInvocations": turns, "then": then}:
            return fl.Pause() if invocation in turns else perform(then, step, invocation)
        case {"pauseTimes": times, "then": then}:
            return {"__pause": True} if invocation <= times else perform(then, step, invocation)
        case {"alwaysPause": True}:
            return {"__pause": True, "data": behaviour.get("data")}
        case {"pauseUntilPayload": True}:
            return fl.Pause() if payload is None else payload
        case {"pauseUntilPayloadHas": key}:
            return payload if isinstance(payload, Mapping) and key in payload else fl.Pause()
        case {"handleFromPayload": key}:
            if not (isinstance(payload, Mapping) and key in payload):
                return fl.Pause()
            return fl.StepResult({"decision": text_of(payload[key])}, handle=text_of(payload[key]))
        case {"handle": handle, "returns": value}:
            return fl.StepResult(value, handle=handle)
        case {"handleFromData": key}:
            return fl.StepResult(data, handle=text_of(data[key]))
        case {"handleByCount": handles}:
            return fl.StepResult({"run": runs + 1}, handle=handles[min(runs, len(handles) - 1)])
        case {"iterate": {"items": key, "loop": loop, "done": done}}:
            items = data[key]
            if runs < len(items):
                return fl.StepResult({"currentItem": items[runs], "currentIndex": runs}, handle=loop)
            return fl.StepResult({"totalItems": len(items)}, handle=done)
        case {"each": key}:
            items = data[key]
            return fl.StepResult(items[step.runs], "item") if step.runs < len(items) else fl.StepResult(None, "done")
        case {"returns": value}:
            return value
        case {"echo": True}:
            return data
        case {"echoPayload": True}:
            return {} if payload is None else payload
        case {"echoPayloadOrData": True}:
            return data if payload is None else payload
        case {"counter": True}:
            return {"count": runs + 1}
        case {"sum": keys}:
            return {"sum": sum(data[key] for key in keys)}
        case {"collect": ids}:
            return {node_id: step.context[node_id][-1].output if step.context.get(node_id) else None for node_id in ids}
        case {"returnsGlobal": key}:
            return {"value": step.globals.get(key)}
        case {"alwaysFail": message}:
            raise FailedError(message)
        case {"throwsValue": value}:
            raise ThrownError(text_of(value))
        case {"returnsNothing": True}:
            return None
        case {"returnsNoData": True}:
            return fl.StepResult()
        case _:
            raise AssertionError(f"a behaviour outside the closed vocabulary: {behaviour}")


def text_of(value: Any) -> str:
    """A JSON value as JavaScript's String() writes it: handles and bare thrown values are given so."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case list():
            return ",".join("" if item is None else text_of(item) for item in value)
        case dict():
            return "[object Object]"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _milliseconds(behaviour: Json, invocation: int) -> int:
    match behaviour:
        case {"advanceClockMs": taken, "then": then}:
            return taken + _milliseconds(then, invocation)
        case {"failTimes": times, "then": then} | {"pauseTimes": times, "then": then}:
            return _milliseconds(then, invocation) if invocation > times else 0
        case {"failOnInvocations": turns, "then": then}:
            return _milliseconds(then, invocation) if invocation not in turns else 0
        case _:
            return 0


def _policy(entry: Json) -> fl.RetryPolicy | None:
    if (policy := entry.get("retryPolicy")) is None:
        return None
    return fl.RetryPolicy(
        max_retries=policy["maxAttempts"],
        interval=_seconds(policy["interval"]),
        backoff=policy.get("backoff", "fixed"),
        jitter=0.0,
    )


def _seconds(interval: Any) -> Any:
    """Milliseconds as seconds, text staying text; what isn't a number is handed on to be refused."""
    try:
        seconds = float(interval) / 1000
    except ValueError:
        return interval
    return str(seconds) if isinstance(interval, str) else seconds


_TYPES: dict[str, Any] = {"string": str, "number": int | float, "boolean": bool, "array": list, "object": dict}


def _json_schema(schema: Json) -> Json:
    required, defaults = schema.get("required", {}), schema.get("defaults", {})
    properties: dict[str, Json] = {name: {"type": kind} for name, kind in required.items()}
    for name, value in defaults.items():
        properties.setdefault(name, {})["default"] = value
    return {"type": "object", "properties": properties, "required": [name for name in required if name not in defaults]}


def _model(schema: Json) -> Any:
    defaults = schema.get("defaults", {})
    fields: dict[str, Any] = {name: (_TYPES[kind], ...) for name, kind in schema.get("required", {}).items()}
    fields |= {name: (fields.get(name, (Any,))[0], value) for name, value in defaults.items()}
    return create_model("Input", __config__=ConfigDict(strict=True, extra="allow"), **fields)
