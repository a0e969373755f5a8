from collections.abc import Callable, Iterator

import pytest

from .office import Office, Worker


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
def office(durable_url: str) -> Iterator[Office]:
    office = Office(durable_url)
    office.let_go.set()
    yield office
    office.ledger.close()


@pytest.fixture
def any_office(store_url: str) -> Iterator[Office]:
    office = Office(store_url)
    yield office
    office.let_go.set()
    office.ledger.close()
