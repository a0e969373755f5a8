from collections.abc import Iterator

import pytest

from .desk import Desk


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url)
    yield desk
    desk.ledger.close()


@pytest.fixture
def memory_desk() -> Desk:
    return Desk("memory:")
