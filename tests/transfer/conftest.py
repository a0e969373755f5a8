from collections.abc import Iterator
from pathlib import Path

import pytest

import flowledger as fl

from .story import Story, executors


@pytest.fixture
def story() -> Iterator[Story]:
    story = Story("memory:")
    yield story
    story.ledger.close()


@pytest.fixture
def target(store_url: str) -> Iterator[fl.Ledger]:
    """An empty ledger on each backend."""
    with fl.open_ledger(store_url, executors()) as ledger:
        yield ledger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"
