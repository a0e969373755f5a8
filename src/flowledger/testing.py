"""For your tests: a ledger in memory, a clock to move by hand, recorded runs as test cases, faults, and the suite that
every backend passes. Its parts that are pytest's come with ``flowledger[testing]``."""

from typing import TYPE_CHECKING, Any

from .domain.ports import NewEvent
from .infrastructure.testing.clock import ManualClock
from .infrastructure.testing.decisions import Decision, Given, given
from .infrastructure.testing.faults import Crash, FaultPoint, Faults
from .infrastructure.testing.ledgers import Diverged, memory_ledger, replay_case

if TYPE_CHECKING:
    from .infrastructure.testing.conformance import EventStoreConformance

__all__ = [
    "Crash",
    "Decision",
    "Diverged",
    "EventStoreConformance",
    "FaultPoint",
    "Faults",
    "Given",
    "ManualClock",
    "NewEvent",
    "given",
    "memory_ledger",
    "replay_case",
]


def __getattr__(name: str) -> Any:
    """The suite is made of pytest's parts, so it is loaded when it is asked for."""
    if name != "EventStoreConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import pytest
    except ImportError as error:
        raise ImportError("EventStoreConformance needs pytest: pip install 'flowledger[testing]'") from error
    pytest.register_assert_rewrite("flowledger.infrastructure.testing.conformance")
    from .infrastructure.testing.conformance import EventStoreConformance

    return EventStoreConformance
