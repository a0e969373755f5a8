import itertools
from types import SimpleNamespace

import pytest

from flowledger.infrastructure import new_id


@pytest.fixture
def same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of each test are the same whenever it runs."""
    numbers = itertools.count(1)
    monkeypatch.setattr(new_id, "os", SimpleNamespace(urandom=lambda size: next(numbers).to_bytes(size, "big")))
