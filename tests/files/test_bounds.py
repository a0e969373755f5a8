"""What strangers' files, inputs and differences cost at worst: each in a child with little memory and little time.

The limits are some times what docs/reference/limits.md says, which was measured without anything beside it.
"""

import subprocess
from pathlib import Path

import pytest
from tests.limited import MEMORY, run_limited

from ..effort import spread

DEFINITION_FILE = """
import sys, flowledger as fl
try:
    fl.read_definition(sys.argv[1])
except fl.InvalidRequest as error:
    print(error)
"""

DIFFERENCE = """
import random, sys, flowledger as fl
what, items, chance = sys.argv[1], int(sys.argv[2]), random.Random(7)
lines = [f"line {number}" for number in range(items)]
mixed = chance.sample(lines, len(lines))
value = {"lines": (lines, mixed), "text": ("\\n".join(lines), "\\n".join(mixed)),
         "objects": ([{"id": line, "n": [1]} for line in lines], [{"id": line, "n": [2]} for line in mixed])}[what]
with fl.open_ledger("memory:") as ledger:
    for data in value:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "t", "data": {"x": data}}]}, workflow_id="w", by="ada")
    difference = ledger.workflows.diff("w", 1, 2)
    assert difference
    str(difference)
"""

REFUSED_INPUT = """
import sys, flowledger as fl
executors = fl.ExecutorRegistry()
executors.register("t", input={"properties": {"a": {"items": {"type": "integer"}}}})(lambda step: 1)
with fl.open_ledger("memory:", executors) as ledger:
    ledger.workflows.save({"nodes": [{"id": "n", "type": "t", "data": {"a": "{{ payload }}"}}]}, workflow_id="w")
    for payload in (["x" * 50] * 40_000, ["x" * 5_000_000], [["y"] * 500_000]):
        try:
            ledger.runs.start("w", payload=payload)
        except fl.WorkOrderRejected as error:
            print(len(error.issues), len(str(error)))
"""


def ended(program: str, *arguments: object, seconds: int = 20, memory: int = MEMORY) -> str:
    """What it says, when it came to its end within the limits."""
    done: subprocess.CompletedProcess[str] = run_limited(program, *arguments, seconds=seconds, memory=memory)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


def definition_file(folder: Path, place: str, unit: str, size: int) -> str:
    """One that has little else than this unit, again and again."""
    items = ",".join([unit] * ((size - 100) // (len(unit) + 1)))
    text = {"nodes": f'{{"nodes":[{items}]}}', "data": f'{{"nodes":[{{"id":"n","type":"t","data":[{items}]}}]}}'}[place]
    (folder / "w.json").write_text(text)
    return str(folder / "w.json")


@pytest.mark.exhaustive
def test_a_definition_file_as_large_as_it_may_be(tmp_path: Path) -> None:
    """Of what takes the most memory and time for its size."""
    assert len(ended(DEFINITION_FILE, definition_file(tmp_path, "data", "{}", 16 * 2**20))) < 200_000


@pytest.mark.exhaustive
@pytest.mark.parametrize("unit", ["[]", "{}", "1.5", '"x"', '{"id":"n"}'])
@pytest.mark.parametrize("place", ["nodes", "data"])
def test_a_definition_file_of_an_eighth_takes_an_eighth(tmp_path: Path, unit: str, place: str) -> None:
    file = definition_file(tmp_path, place, unit, 2 * 2**20)
    said = ended(DEFINITION_FILE, file, seconds=4, memory=2**29 + 2**30 // 8)
    assert len(said) < 200_000
    assert ("the limit is 100,000" in said) == (place == "nodes")


YAML = {
    "items between brackets": "[" + "1," * 400_000 + "1]",
    "levels": "- [" * 3_000,
    "items in lines": "- a\n" * 400_000,
    "one text": "a: &a " + "x" * 4_000_000,
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", YAML)
def test_a_yaml_file_that_takes_long_to_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "w.yaml").write_text(YAML[kind])
    assert ended(DEFINITION_FILE, str(tmp_path / "w.yaml"))


@pytest.mark.parametrize(
    ("what", "items"),
    spread([("lines", 30_000), ("text", 100_000), ("objects", 30_000)], by_default=[("text", 100_000)]),
)
def test_many_items_in_another_order(what: str, items: int) -> None:
    ended(DIFFERENCE, what, items, seconds=60 * items // 100_000)


def test_an_input_that_is_wrong_in_every_item_or_in_a_large_one() -> None:
    for line in ended(REFUSED_INPUT).splitlines():
        issues, characters = map(int, line.split())
        assert issues <= 50
        assert characters < 50_000
