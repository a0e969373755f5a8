"""The status of a store in the text format of Prometheus (version 0.0.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Literal

from .model import Status

_STATES = ("queued", "running", "waiting", "held")


def metrics_text(status: Status) -> str:
    """Return ``status``, which ``ledger.status()`` answers, as text in Prometheus' exposition format, for ``/metrics``.

    It is sent as ``text/plain; version=0.0.4``. Nothing in it grows with the number of runs; workflows are labels.
    """
    runs: dict[str, dict[str, int]] = {}
    for each in status.workflows:
        counted = runs.setdefault(each.workflow_id, {})
        for state, number in asdict(each.backlog).items():
            counted[state] = counted.get(state, 0) + number
    since = status.oldest_due_at
    late = 0.0 if since is None else max(0.0, (status.at - since).total_seconds())
    alive = [worker for worker in status.workers if worker.is_worker and worker.is_alive]
    families = [
        _Family("runs", "gauge", "Runs that have not ended.").by_workflow(runs, _STATES),
        _Family("due_runs", "gauge", "Runs that a worker may take now.").each("workflow", _of(runs, "due")),
        _Family("oldest_due_seconds", "gauge", "How long the oldest due run has been due.").one(late),
        _Family("lost_runs", "gauge", "Runs whose worker is gone and that nobody took yet.").one(status.lost),
        _Family("unowned_runs", "gauge", "Runs that nobody is known to execute.").one(status.unowned),
        _Family("stranded_runs", "gauge", "Due runs that no worker which lives can execute.").one(
            sum(each.due for each in status.stranded)
        ),
        _Family("recoveries_total", "counter", "Runs that were taken over.").one(status.recoveries),
        _Family("workers", "gauge", "Workers that live.").one(len(alive)),
        _Family("worker_slots", "gauge", "Runs that they execute at once, at most.").one(
            sum(worker.concurrency or 0 for worker in alive)
        ),
        _Family("search_behind_seconds", "gauge", "Age of the oldest event that the search lacks.").one(
            status.search_behind
        ),
    ]
    if status.pool is not None:
        pool = _Family("pool_connections", "gauge", "Of this process to its store; and threads that wait for one.")
        families.append(pool.each("state", asdict(status.pool)))
    return "".join(f"{line}\n" for family in families for line in family.lines())


def _of(runs: Mapping[str, Mapping[str, int]], state: str) -> dict[str, float]:
    return {workflow_id: counted[state] for workflow_id, counted in runs.items()}


class _Family:
    """A metric and its samples."""

    def __init__(self, name: str, kind: Literal["gauge", "counter"], meaning: str) -> None:
        self._name = f"flowledger_{name}"
        self._kind = kind
        self._meaning = meaning
        self._samples: list[tuple[str, float]] = []

    def one(self, value: float) -> "_Family":
        self._samples.append(("", value))
        return self

    def each(self, label: str, values: Mapping[str, float]) -> "_Family":
        self._samples += [(f'{{{label}="{_escaped(key)}"}}', value) for key, value in values.items()]
        return self

    def by_workflow(self, runs: Mapping[str, Mapping[str, int]], states: tuple[str, ...]) -> "_Family":
        for workflow_id, counted in runs.items():
            for state in states:
                labels = f'{{workflow="{_escaped(workflow_id)}",state="{state}"}}'
                self._samples.append((labels, counted[state]))
        return self

    def lines(self) -> Iterator[str]:
        yield f"# HELP {self._name} {self._meaning}"
        yield f"# TYPE {self._name} {self._kind}"
        for labels, value in self._samples:
            yield f"{self._name}{labels} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
