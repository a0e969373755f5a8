import itertools
from types import SimpleNamespace

import pytest

from flowledger.domain.values import ids


@pytest.fixture
def same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of each test are the same whenever it runs."""
    numbers = itertools.count(1)
    monkeypatch.setattr(ids, "os", SimpleNamespace(urandom=lambda size: next(numbers).to_bytes(size, "big")))
