"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds until a test gives up, also on a machine that has much else to do."""


def until(is_so: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.01)
