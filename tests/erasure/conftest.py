from collections.abc import Iterator
from pathlib import Path

import pytest

import flowledger as fl

from .subjects import open_with


@pytest.fixture
def ring(tmp_path: Path) -> fl.KeyRing:
    return fl.KeyRing.generate(tmp_path / "ring.json")


@pytest.fixture
def ledger(store_url: str, ring: fl.KeyRing) -> Iterator[fl.Ledger]:
    with open_with(store_url, ring) as ledger:
        yield ledger


@pytest.fixture
def memory_ledger(ring: fl.KeyRing) -> Iterator[fl.Ledger]:
    with open_with("memory:", ring) as ledger:
        yield ledger
