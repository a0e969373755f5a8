from collections.abc import Iterator

import pytest

import flowledger as fl

from .harness import registry, run_of_all


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, registry()) as ledger:
        yield ledger


@pytest.fixture
def run(ledger: fl.Ledger) -> fl.Run:
    return run_of_all(ledger)
