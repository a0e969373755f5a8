"""Inputs that are kept: one file a target, one input a line, as a JSON text whose characters are bytes."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def read(target: str) -> list[bytes]:
    """The inputs that are kept for a target."""
    file = FOLDER / f"{target}.jsonl"
    return [json.loads(line).encode("latin-1") for line in file.read_text().splitlines()] if file.exists() else []


def write(target: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs, the smallest first."""
    lines = [json.dumps(each.decode("latin-1")) for each in sorted({*inputs}, key=lambda each: (len(each), each))]
    (FOLDER / f"{target}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def unpack(target: str, into: Path) -> None:
    """A file for each input, as fuzzers want them."""
    into.mkdir(parents=True, exist_ok=True)
    for each in read(target):
        (into / sha256(each).hexdigest()[:16]).write_bytes(each)
