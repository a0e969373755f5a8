from collections.abc import Iterator

import pytest

from .harness import Harness


@pytest.fixture
def harness(store_url: str) -> Iterator[Harness]:
    harness = Harness(store_url)
    yield harness
    harness.ledger.close()


@pytest.fixture
def memory_desk() -> Harness:
    return Harness("memory:")
