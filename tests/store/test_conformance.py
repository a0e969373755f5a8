"""The backends, each bound to the suite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .conformance import EventStoreConformance


class TestMemory(EventStoreConformance):
    @pytest.fixture
    def url(self) -> str:
        return "memory:"


class TestSQLite(EventStoreConformance):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'ledger.db'}"


class TestPostgres(EventStoreConformance):
    @pytest.fixture
    def url(self, new_postgres_url: Callable[[], str]) -> str:
        return new_postgres_url()
