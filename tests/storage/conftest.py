"""Databases for what a schema is too small for."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from .clusters import new_database, run_sql


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database."""
    url = new_database(postgres_url)
    yield url
    run_sql(postgres_url, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")
