"""One replay: a run's record is checked against the definition, and its steps are executed again on the way."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ....domain.errors import ExpressionError, InputInvalid, StepCancelled, StepTimedOut
from ....domain.execution.executors import Executor
from ....domain.execution.plan import Plan
from ....domain.execution.routing import PlannedRoutes, Way, scope_after, way_after_failure, way_after_success
from ....domain.execution.step import Outcome, Raised, describe_error, events_or_error, prepare
from ....domain.execution.step_loop import CallSettings, Execute, StepLoop
from ....domain.masking import Masker
from ....domain.ports import NewEvent, RowBatch
from ....domain.run import STEP_COMPLETED, STEP_FAILED, RunState, evolve_recorded
from ....domain.workflow import JobCode, WorkflowSnapshot
from ....domain.workflow.same_code import sources_by_digest
from ....projections.replay.divergence import (
    Difference,
    Divergence,
    DivergenceKind,
    first_difference,
    outcome_difference,
)
from ....projections.replay.report import ReplayedExecutor, ReplayReport
from ....projections.runs.attempts import is_execution
from ...execution.committer import is_replaced_by_failure
from ...execution.source_code import KnownCode, code_of, has_changed


class ReplayScope(NamedTuple):
    """What a replay executes, and what it takes for a divergence."""

    verify: bool
    """Whether it executes anything."""
    from_record: frozenset[str]
    """Types of executors whose outcomes are taken from the record."""
    ignore_code: bool
    """Whether outcomes are taken from the record without a doubt where the code has changed since."""


class Tried(NamedTuple):
    """Another version of the workflow, which is tried on the record of a run."""

    other: WorkflowSnapshot
    pinned: WorkflowSnapshot
    """The version that the run used."""

    def diverging_start(self, started_at: str | None) -> Difference | None:
        """Where the run began at the start of its own version, and the other one has another."""
        own, other = self.pinned.definition.start, self.other.definition.start
        if started_at is None or started_at != own or other == own:
            return None
        return Difference("/start", own, other)


def choose_scope(
    executors: Iterable[Executor], verify: bool, effects: Collection[str], ignore_code: bool
) -> ReplayScope:
    """``effects``: types of executors that are executed although they have effects."""
    from_record = (
        executor.type
        for executor in executors
        if not verify or not executor.deterministic or (executor.effects and executor.type not in effects)
    )
    return ReplayScope(verify, frozenset(from_record), ignore_code)


class AbsentGlobals(Mapping[str, Any]):
    """The globals of a replay that was given none. Records whether an executor looked for one."""

    def __init__(self) -> None:
        self.missed = False

    def __getitem__(self, key: str) -> Any:
        self.missed = True
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        self.missed = True
        return iter(())

    def __len__(self) -> int:
        self.missed = True
        return 0


class Replay:
    """Walks through the events of a run; each step sees the state as the events before it left it."""

    def __init__(
        self,
        state: RunState,
        pages: Iterable[RowBatch],
        plan: Plan,
        code: Mapping[str, JobCode],
        scope: ReplayScope,
        settings: CallSettings,
        absent: AbsentGlobals | None,
        tried: Tried | None,
    ) -> None:
        self._tried = tried
        self._state = state
        self._pages = pages
        self._plan = plan
        self._sources = sources_by_digest(code, ())
        self._scope = scope
        self._now = settings.now
        self._limits = settings.limits
        self._absent = absent
        self._masker = settings.globals.masker() if absent is None else Masker(None)
        self._globals = (
            settings.globals if absent is not None else settings.globals.observed_by(self._masker.add_answer)
        )
        self._steps = 0
        self._executed: Counter[str] = Counter()
        self._from_record: Counter[str] = Counter()
        self._divergence: Divergence | None = None
        self._doubt: Divergence | None = None
        """The first step that was taken from the record although its code has changed: reported if nothing else is."""

    def cycle(self) -> StepLoop:
        """The step loop: ask for one executor after the other, up to the first divergence."""
        state = self._state
        for rows, decoder in self._pages:
            for row in rows:
                version, type = row[0], row[1]
                data = decoder.decode(row)
                if is_execution(type, data):
                    self._steps += 1
                    step = NewEvent(type, data)
                    due = self._next_call(version, step)
                    if isinstance(due, Execute):
                        self._executed[due.executor.type] += 1
                        outcome = yield due
                        due = self._compare(version, step, outcome)
                    self._divergence = due
                elif "definition_digest" in data:
                    self._divergence = self._compare_definition(version, data)
                if self._divergence is not None:
                    if version == 1 and self._tried is not None:
                        evolve_recorded(state, version, type, data)  # the run began so; another would have elsewhere
                    return
                if "drifted" in data:
                    self._sources |= sources_by_digest({}, [data])
                evolve_recorded(state, version, type, data)

    def report(self) -> ReplayReport:
        """What the replay found."""
        state = self._state
        executors = {planned.executor.type: planned.executor for planned in self._plan.nodes.values()}
        return ReplayReport(
            run_id=state.run_id or "",
            workflow_id=state.workflow_id,
            workflow_version=state.workflow_version,
            version=state.version,
            steps=self._steps,
            executed=self._executed.total(),
            taken=self._from_record.total(),
            executors=tuple(
                ReplayedExecutor(
                    type,
                    executors[type].deterministic,
                    executors[type].effects,
                    self._executed[type],
                    self._from_record[type],
                    self._has_changed(executors[type]),
                )
                for type in sorted(executors.keys() & (self._executed + self._from_record).keys())
            ),
            divergence=self._divergence or self._doubt,
            ignored_code=self._scope.ignore_code,
            against=None if self._tried is None else self._tried.other.version,
        )

    def _compare_definition(self, version: int, data: Mapping[str, Any]) -> Divergence | None:
        if self._tried is not None:
            begins = self._tried.diverging_start(data.get("start_node_id"))
            return None if begins is None else Divergence(None, None, version, "order", *begins, None)
        found = first_difference(data["definition_digest"], self._plan.definition.digest)
        return None if found is None else Divergence(None, None, version, "definition", *found, None)

    def _next_call(self, version: int, recorded: NewEvent) -> Execute | Divergence | None:
        """The call of a recorded step's executor; None where nothing is to be executed."""
        data = recorded.data
        misplaced = self._find_misplacement(recorded)
        if misplaced is not None:
            return self._diverge(version, data, *misplaced)
        planned = self._plan.nodes.get(data["node_id"])
        if planned is None:
            return self._take_without_executor(version, data)
        executor = planned.executor
        is_lost = recorded.type == STEP_FAILED and is_replaced_by_failure(data)
        was_taken = "recorded" in data  # nothing was executed then, and this run has the outcome of another one
        is_taken = is_lost or was_taken or _was_stopped(data) or executor.type in self._scope.from_record
        if self._absent is not None and planned.template.reads_globals:
            if not is_taken:
                return self._diverge_masked(version, data)
            self._take(version, data, executor)
            return None
        try:
            prepared = prepare(planned, self._state, self._globals, self._now, self._masker)
        except (ExpressionError, InputInvalid) as error:
            return self._compare(version, recorded, Raised(error))
        attempt, input = data.get("attempt", 1), data.get("input", {})
        if attempt != prepared.context.attempt:
            return self._diverge(version, data, "order", Difference("/attempt", attempt, prepared.context.attempt))
        difference = first_difference(input, prepared.recorded_input)
        if difference is not None and not is_lost:
            return self._diverge(version, data, "input", difference)
        if is_taken:
            self._take(version, data, executor)
            return None
        if self._absent is not None:
            self._absent.missed = False
        return Execute(executor, prepared.context, seal=self._state.sealed_by)

    def _find_misplacement(self, recorded: NewEvent) -> tuple[DivergenceKind, Difference] | None:
        """How the step, or where it led, contradicts the definition and the events before; None if it doesn't."""
        data, state = recorded.data, self._state
        node_id = data["node_id"]
        routes = self._plan.routes.get(node_id)
        if routes is None:
            return "definition", Difference("", node_id, None)
        if node_id != state.current_node_id and not state.cancelled:  # steps in flight are recorded after a cancel
            return "order", Difference("/nodeId", node_id, state.current_node_id)
        way = self._find_way(routes, recorded)
        if way is None:
            return None
        if way.next_node_id != data.get("next_node_id"):
            return "order", Difference("/nextNodeId", data.get("next_node_id"), way.next_node_id)
        for path, found, key in (
            ("/unrouted", way.fault is not None and recorded.type == STEP_COMPLETED, "unrouted"),
            ("/noConditionHeld", way.no_condition_held, "no_condition_held"),
        ):
            if found != (key in data):
                return "order", Difference(path, not found, found)
        return None

    def _find_way(self, routes: PlannedRoutes, recorded: NewEvent) -> Way | None:
        """Where the definition leads from the recorded outcome; None where nothing can be said of it."""
        data = recorded.data
        if recorded.type == STEP_COMPLETED:
            edges = routes.conditional.get(data.get("handle"), ())
        elif recorded.type == STEP_FAILED and not ("retry_at" in data or _leads_nowhere(data)):
            edges = routes.on_failure
        else:
            return None
        if self._absent is not None and any(edge.condition and edge.condition.reads_globals for edge in edges):
            return None
        scope = scope_after(routes.node, self._state, data, self._globals)
        if recorded.type == STEP_FAILED:
            return way_after_failure(routes, scope)
        return way_after_success(routes, data.get("handle"), scope)

    def _compare(self, version: int, recorded: NewEvent, outcome: Outcome) -> Divergence | None:
        data = recorded.data
        planned = self._plan.nodes[data["node_id"]]
        step = {key: data[key] for key in ("node_id", "recorded_at", "attempt", "finished_at") if key in data}
        follows = events_or_error(planned, self._state, outcome, step, self._globals, self._limits, self._masker)
        if isinstance(follows, Raised):
            got = NewEvent(STEP_FAILED, {"error": describe_error(follows.error, self._masker)})
        else:
            got = follows[0]
        difference = outcome_difference(NewEvent(recorded.type, self._mask_texts(data)), got)
        if difference is None:
            return None
        if self._absent is not None and self._absent.missed:
            return self._diverge_masked(version, data)
        return self._diverge(version, data, *difference)

    def _mask_texts(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The recorded data, its texts masked by the globals and the rules of today, as those of the step are."""
        if "reason" in data:
            return {**data, "reason": self._masker.text(data["reason"])}
        if "error" in data:
            return {**data, "error": {**data["error"], "message": self._masker.text(data["error"]["message"])}}
        return data

    def _take(self, version: int, data: Mapping[str, Any], executor: Executor) -> None:
        self._from_record[executor.type] += 1
        doubts = self._scope.verify and not self._scope.ignore_code and self._doubt is None
        if doubts and "recorded" not in data and self._has_changed(executor):
            self._doubt = self._diverge(version, data, "code", Difference("", None, None))

    def _take_without_executor(self, version: int, data: Mapping[str, Any]) -> Divergence | None:
        type = next(node.type for node in self._plan.definition.nodes if node.id == data["node_id"])
        if self._scope.verify:
            return self._diverge(version, data, "missing executor", Difference("", type, None))
        self._from_record[type] += 1
        return None

    def _diverge_masked(self, version: int, data: Mapping[str, Any]) -> Divergence:
        return self._diverge(version, data, "masked input", Difference("", data.get("input", {}), None))

    def _diverge(
        self, version: int, data: Mapping[str, Any], kind: DivergenceKind, difference: Difference
    ) -> Divergence:
        planned = self._plan.nodes.get(data["node_id"])
        code_changed = None if planned is None else self._has_changed(planned.executor)
        path, expected, got = difference
        return Divergence(
            data["node_id"],
            data.get("attempt", 1),
            version,
            kind,
            self._masker.text(path),
            self._masker.value(expected),
            self._masker.value(got),
            code_changed,
        )

    def _has_changed(self, executor: Executor) -> bool | None:
        known = KnownCode(self._state.code, self._state.distributions)
        return has_changed(executor.type, code_of(executor), known, self._sources)


def _was_stopped(data: Mapping[str, Any]) -> bool:
    """Whether time, or somebody, ended the step: executed again it would end otherwise, or not at all."""
    return data.get("error", {}).get("type") in (StepTimedOut.__name__, StepCancelled.__name__)


def _leads_nowhere(failed: Mapping[str, Any]) -> bool:
    """Whether no edge on failure is looked for: the event says less than what happened, or nothing happened."""
    return is_replaced_by_failure(failed) or "version" not in failed.get("recorded", {"version": 0})
