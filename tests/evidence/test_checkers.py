"""Two standalone checkers agree with each other, and with what was proved; no byte of a proof can be changed."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger import check_proof

from .. import effort
from .stories import JAVASCRIPT, PYTHON, SignedStory, by_javascript, by_python

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedStory]:
    folder = tmp_path_factory.mktemp("proofs")
    story = SignedStory(f"sqlite:///{folder / 's.db'}", folder)
    story.tell()
    story.sign()
    yield story
    story.close()


def accepts(proof: bytes, public: str) -> bool:
    """Whether the checker in Python takes it, asked in this process."""
    try:
        check_proof.check_proof(proof, check_proof.read_key(public))
    except check_proof.Wrong:
        return False
    return True


def written(folder: Path, proofs: list[bytes]) -> list[Path]:
    files = [folder / f"{number}.proof" for number in range(len(proofs))]
    for file, proof in zip(files, proofs, strict=True):
        file.write_bytes(proof)
    return files


@needs_node
def test_every_run_is_proved_and_both_checkers_say_so(told: SignedStory, tmp_path: Path) -> None:
    files = written(tmp_path, [told.ledger.evidence.prove(run.id) for run in told.runs.values()])
    assert by_python(told.public, files) == by_javascript(told.public, files) == [True] * len(told.runs)


@needs_node
@pytest.mark.scaled
def test_every_byte_of_a_proof_counts(told: SignedStory, tmp_path: Path) -> None:
    """Both refuse each change; by default a sample of them is tried."""
    proof = told.ledger.evidence.prove(told.runs["forked"].id)
    assert accepts(proof, told.public)
    chance = random.Random(66)
    changed = []
    for place in range(len(proof)):
        other = chance.choice([proof[place] ^ 1 << chance.randrange(8), ord(" "), proof[place] ^ 32])
        if other != proof[place]:
            changed.append(proof[:place] + bytes([other]) + proof[place + 1 :])
    if not effort.exhaustive:
        changed = chance.sample(changed, 300)
    assert not any(accepts(other, told.public) for other in changed)
    sample = [proof, proof[:-1], b" " + proof, proof + b"\n", *changed]
    files = written(tmp_path, sample)
    assert by_javascript(told.public, files) == [True] + [False] * (len(sample) - 1)
    assert [accepts(other, told.public) for other in sample[:4]] == [True, False, False, False]


def planted(proof: bytes, kind: int, chance: random.Random) -> bytes:
    """A proof in which something was changed that a forger would change, written as proofs are."""
    found: dict[str, Any] = json.loads(proof)
    streams = found["streams"]
    stream = chance.choice(streams)
    event = chance.choice(stream["events"])
    match kind:
        case 0:
            stream["events"].remove(event)
        case 1:
            event["body"] = event["body"].replace('"by":', '"By":', 1)
        case 2:
            event["index"] += 1
        case 3:
            event["type"] += "x"
        case 4:
            found["hashes"].reverse()
        case 5:
            stream["stream"] += "x"
        case 6:
            event["path"] = event["path"][:-1]
        case 7:
            found["run"] = streams[-1]["stream"]
        case 8:
            event["extra"] = 1
        case 9:
            found["hashes"].append(found["hashes"][0])
        case _:
            found["checkpoint"] = found["checkpoint"].replace("\ntime ", "\ntime 1", 1)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@needs_node
@pytest.mark.scaled
def test_both_checkers_agree_on_random_histories_and_on_what_is_planted_in_them(tmp_path: Path) -> None:
    chance = random.Random(1966)
    public, proofs, right = "", list[bytes](), list[bool]()
    histories = 1000 if effort.exhaustive else 25
    key = tmp_path / "key"
    executors = fl.ExecutorRegistry()

    @executors.register("any")
    def any_(step: fl.StepContext) -> Any:
        return {"said": chance.choice(["a", "ä\u2028\x7f", '"\\\n', "𝔄"]), "n": chance.random()}

    nodes = [{"id": name, "type": "any"} for name in "abc"]
    edges = [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}]
    for number in range(histories):
        with fl.open_ledger("memory:", executors) as ledger:
            if not public:
                public = ledger.evidence.keygen(key, "example.com/random")
            runs = []
            for turn in range(chance.randint(1, 5)):
                if turn == 0 or chance.random() < 0.3:
                    end = chance.randint(1, 3)
                    definition = {"nodes": nodes[:end], "edges": edges[: end - 1], "name": f"{number}.{turn}"}
                    ledger.workflows.save(definition, workflow_id="w", by="ada")
                runs.append(ledger.runs.start("w", payload={"text": chance.choice("aé\u2029\t")}, by="bob"))
                if chance.random() < 0.3:
                    runs.append(ledger.runs.reproduce(chance.choice(runs).id, by="eve"))
            ledger.evidence.checkpoint(key)
            proof = ledger.evidence.prove(chance.choice(runs).id)
            forged = planted(proof, number % 11, chance)
            proofs += [proof, forged]
            right += [True, forged == proof]
    files = written(tmp_path, proofs)
    assert by_python(public, files) == by_javascript(public, files) == right
    assert right.count(False) > len(right) / 3


def test_another_key_proves_nothing(told: SignedStory, tmp_path: Path) -> None:
    proof = told.ledger.evidence.prove(told.runs["done"].id)
    other = told.ledger.evidence.keygen(tmp_path / "other", "example.com/story")
    assert not accepts(proof, other)
    with pytest.raises(check_proof.Wrong, match="don't belong together"):
        check_proof.read_key(told.public.replace("example", "exemple"))


def test_a_proof_holds_what_is_needed_to_read_a_fork(told: SignedStory) -> None:
    found = json.loads(told.ledger.evidence.prove(told.runs["forked"].id))
    assert [entry["stream"] for entry in found["streams"]] == [
        told.runs["forked"].id,
        told.runs["done"].id,
        "workflow:w",
    ]
    (save,) = found["streams"][-1]["events"]
    assert json.loads(save["body"])["definition"]["nodes"]


def test_a_checkpoint_of_before_the_run_cannot_prove_it(told: SignedStory) -> None:
    before = told.ledger.evidence.latest()
    run = told.ledger.runs.start("w", payload={"do": "work"}, by="bob")
    with pytest.raises(fl.InvalidRequest, match="was signed before"):
        told.ledger.evidence.prove(run.id, before)
    with pytest.raises(fl.RunNotFound):
        told.ledger.evidence.prove("nobody")


def test_events_of_after_the_checkpoint_are_left_out(told: SignedStory) -> None:
    run = told.ledger.runs.start("w", payload={"do": "pause"}, by="bob")
    told.sign()
    told.ledger.runs.cancel(run.id, by="ops")
    proof = told.ledger.evidence.prove(run.id)
    (entry, *_) = json.loads(proof)["streams"]
    assert entry["events"][0]["type"] == "run.started"
    assert not any(event["type"] == "run.cancelled" for event in entry["events"])
    assert accepts(proof, told.public)
    told.sign()
    later = json.loads(told.ledger.evidence.prove(run.id))["streams"][0]["events"]
    assert len(later) == len(entry["events"]) + 1


@needs_node
@pytest.mark.parametrize("key", [None, "nowhere", "", "not a key", "a+b+c", "PRIVATE+KEY+a+b+c"])
def test_both_checkers_say_what_they_need_without_a_key(key: str | None, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(key or "")
    given = [] if key is None else [key if key == "nowhere" else "key", "run.proof"]
    for program in ([sys.executable, "-I", PYTHON], ["node", JAVASCRIPT]):
        found = subprocess.run([*program, *given], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (found.returncode, found.stdout) == (2, "")
        assert ("KEY PROOF…" if key is None else f"WRONG the key {given[0]!r}") in found.stderr.replace('"', "'")
        assert "Traceback" not in found.stderr
        assert "    at " not in found.stderr


@needs_node
def test_a_text_that_is_not_unicode_stands_for_no_other(tmp_path: Path) -> None:
    with fl.open_ledger("memory:") as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "a"}]}, workflow_id="\ufffd", by="ada")
        run = ledger.runs.start("\ufffd", wait=False)
        public = ledger.evidence.keygen(tmp_path / "key", "example.com/a")
        ledger.evidence.checkpoint(tmp_path / "key")
        proof = ledger.evidence.prove(run.id)
    other = proof.replace('"stream":"workflow:\ufffd"'.encode(), b'"stream":"workflow:\\ud800"')
    assert other != proof
    files = written(tmp_path, [proof, other])
    assert by_python(public, files) == by_javascript(public, files) == [True, False]
