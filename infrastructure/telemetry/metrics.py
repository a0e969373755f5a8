"""The metrics of a ledger: few, and none by run."""

import logging
from collections.abc import Iterator, Mapping
from typing import Protocol
from weakref import WeakSet

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from ...domain.errors import FlowledgerError
from .tracer import SCOPE

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Upper bounds of the histograms' buckets, unless a view of the application's says otherwise."""


_log = logging.getLogger("flowledger.telemetry")


class Queue(Protocol):
    """Counts the runs that haven't ended."""

    def queue(self) -> Mapping[str, int]:
        """By state. Raises StorageUnavailable."""
        ...


class Metrics:
    """The instruments. They follow the global provider, also one that is set up later."""

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = (provider or metrics.get_meter_provider()).get_meter(SCOPE)
        self.step_duration = meter.create_histogram(
            "flowledger.step.duration",
            "s",
            "How long executors took, by node type and outcome",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.append_duration = meter.create_histogram(
            "flowledger.append.duration",
            "s",
            "How long it took until events of runs were durable",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.due_lag = meter.create_histogram(
            "flowledger.due.lag",
            "s",
            "How long after it was due a run was claimed",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.recoveries = meter.create_counter(
            "flowledger.recoveries", "{run}", "Runs that were taken over, as their worker was gone"
        )
        self.queues: WeakSet[Queue] = WeakSet()
        meter.create_observable_gauge(
            "flowledger.queue.depth",
            [self._count],
            "{run}",
            "Runs that have not ended, by state; the same from each process on a store",
        )

    def _count(self, _: CallbackOptions) -> Iterator[Observation]:
        for queue in list(self.queues):
            try:
                counted = queue.queue()
            except FlowledgerError as error:  # the next collection may find the store there again
                _log.debug("the runs of a store can't be counted: %s", error)
                continue
            for state, number in counted.items():
                yield Observation(number, {"flowledger.queue.state": state})
