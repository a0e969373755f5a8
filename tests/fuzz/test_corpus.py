"""Every input that a fuzzer found worth keeping still ends well, without a fuzzer."""

from pathlib import Path

import pytest

from . import corpus
from .targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_ends_well(name: str, tmp_path: Path) -> None:
    inputs = corpus.read(name)
    assert len(inputs) > 10, f"{name} has no corpus"
    target = TARGETS[name](tmp_path)
    for each in inputs:
        target(each)
