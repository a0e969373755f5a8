"""For your tests: a ledger in memory, a clock to move by hand, recorded runs as test cases, faults, and the suites
that every backend passes. Its parts that are pytest's come with ``flowledger[testing]``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .domain.ports import NewEvent
from .infrastructure.testing.clock import ManualClock
from .infrastructure.testing.decisions import Decision, Given, given
from .infrastructure.testing.faults import Crash, FaultPoint, Faults
from .infrastructure.testing.ledgers import Diverged, memory_ledger, replay_case

if TYPE_CHECKING:
    from .infrastructure.testing.conformance import EventStoreConformance
    from .infrastructure.testing.conformance_checkpoints import CheckpointStoreConformance

__all__ = [
    "CheckpointStoreConformance",
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


_SUITES = {"EventStoreConformance": "conformance", "CheckpointStoreConformance": "conformance_checkpoints"}


def __getattr__(name: str) -> Any:
    """The suites are made of pytest's parts, so they are loaded when they are asked for."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import pytest
    except ImportError as error:
        raise ImportError(f"{name} needs pytest: pip install 'flowledger[testing]'") from error
    room = f"{__name__.rpartition('.')[0]}.infrastructure.testing"
    parts = ("", "_races", "_readers", "_values", "_guards", "_durability", "_checks", "_checkpoints")
    pytest.register_assert_rewrite(*(f"{room}.conformance{part}" for part in parts))
    return getattr(import_module(f"{room}.{_SUITES[name]}"), name)
