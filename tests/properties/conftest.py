from collections.abc import Callable, Iterator

import pytest

from .held_step_harness import HeldStepHarness, Worker


@pytest.fixture
def worker() -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(*arguments: str) -> Worker:
        workers.append(Worker(*arguments))
        return workers[-1]

    yield start
    for one in workers:
        one.end()


@pytest.fixture
def harness(durable_url: str) -> Iterator[HeldStepHarness]:
    harness = HeldStepHarness(durable_url)
    harness.let_go.set()
    yield harness
    harness.ledger.close()


@pytest.fixture
def any_harness(store_url: str) -> Iterator[HeldStepHarness]:
    harness = HeldStepHarness(store_url)
    yield harness
    harness.let_go.set()
    harness.ledger.close()
