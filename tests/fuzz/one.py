"""Fuzz one target in this process: ``python -m tests.fuzz.one TARGET [options of libFuzzer]``."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["flowledger"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv[1]](Path(tempfile.mkdtemp()))
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
