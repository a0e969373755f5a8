"""Wherever a secret gets into, and in whatever form: it is in no file, no audit, no export, no error, no report."""

import json
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl

from ...effort import tries
from ...told import Told
from .encodings import ENCODINGS

Do = Callable[[fl.StepContext, str], Any]


def raises(step: fl.StepContext, text: str) -> Any:
    raise ValueError(f"no access with {text} today")


def raises_with_a_cause(step: fl.StepContext, text: str) -> Any:
    try:
        raise ConnectionError({"headers": [text]})
    except ConnectionError as error:
        raise LookupError("in vain") from error


def raises_with_a_note(step: fl.StepContext, text: str) -> Any:
    error = ExceptionGroup("several", [KeyError(text), ValueError(text.encode())])
    error.add_note(f"it was {text}\nand that was all")
    raise error


def logs(step: fl.StepContext, text: str) -> Any:
    step.log.info("with %s and %r", text, {"auth": text})
    try:
        raise PermissionError(text)
    except PermissionError:
        step.log.exception("it failed")


def pauses(step: fl.StepContext, text: str) -> Any:
    return fl.Pause(f"until {text} is approved")


def returns_what_is_no_json(step: fl.StepContext, text: str) -> Any:
    return {text: {1}}


def returns(step: fl.StepContext, text: str) -> Any:
    return None


PLACES: dict[str, Do] = {
    do.__name__: do
    for do in (raises, raises_with_a_cause, raises_with_a_note, logs, pauses, returns_what_is_no_json, returns)
}
HOLDERS: dict[str, Callable[[str], Any]] = {
    "text": lambda secret: secret,
    "blanks around it": lambda secret: f" {secret}\n",
    "bytes": str.encode,
    "deep": lambda secret: {"a": [(secret,)]},
    "deque": lambda secret: deque([secret]),
    "object": lambda secret: SimpleNamespace(token=secret),
    "key": lambda secret: {secret: "prod"},
    "JSON": lambda secret: json.dumps({"password": secret}),
}
SCHEMA = {"type": "object", "properties": {"text": {"type": "integer"}}}

# A letter of each kind at least, so that it is nowhere by chance.
secrets = (
    st.text("&-/+=%\\\"' <>äßé€\x07\x1b", min_size=4, max_size=20)
    .map(lambda text: f"tR0ub4{text}dor9")
    .filter(lambda secret: "\\u" not in secret)
)


def everything(folder: Path, do: Do, secret: str, how: str, holder: str) -> bytes:
    """All that is kept, said, shown and logged of a run whose executor sees the secret and handles it so."""
    with Told.listening() as told:
        kept = what_is_kept(folder, do, secret, how, holder)
    return kept + told.everything().encode()


def what_is_kept(folder: Path, do: Do, secret: str, how: str, holder: str) -> bytes:
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda step: do(step, ENCODINGS[how](secret)))
    executors.register("schema", input=SCHEMA)(lambda step: None)
    held = HOLDERS[holder](secret)
    given = {"k": held, "token": secret}
    said: list[str] = []
    with fl.open_ledger(f"sqlite:///{folder}/s.db", executors) as ledger:
        definitions = {
            "t": {"id": "n", "type": "t", "data": {"text": "Bearer {{ globals.token }}"}},
            "expression": {"id": "n", "type": "t", "data": {"text": "{{ globals.k.nothing }}"}},
            "schema": {"id": "n", "type": "schema", "data": {"text": "{{ globals.token }}"}},
        }
        for name, node in definitions.items():
            ledger.workflows.save({"nodes": [node]}, workflow_id=name, by="ada")
            try:
                run = ledger.runs.start(name, globals=given, by="ada")
            except fl.WorkOrderRejected as error:
                said += str(error), repr(error.issues)
                continue
            ledger.history.export(run.id, folder / f"{name}.jsonl")
            said.append(json.dumps(ledger.history.audit(run.id).to_data(), default=str, ensure_ascii=False))
            said.append(run.snapshot.to_json().decode())
            said.append(json.dumps([event.data for event in ledger.history.events(run.id)], ensure_ascii=False))
            report = ledger.history.replay(run.id, globals=given)
            said += str(report), json.dumps(report.to_data(), ensure_ascii=False)
    return b"\n".join(file.read_bytes() for file in folder.iterdir()) + "\n".join(said).encode()


def shapes(text: str) -> set[bytes]:
    """The text, and as JSON has it: by itself, and within texts that are kept as JSON."""
    found = {text}
    for _ in range(3):
        found |= {json.dumps(one, ensure_ascii=ascii)[1:-1] for one in found for ascii in (True, False)}
    return {one.encode() for one in found}


@settings(max_examples=tries(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secrets, st.sampled_from(sorted(PLACES)), st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(HOLDERS)))
def test_a_secret_is_nowhere(secret: str, place: str, how: str, holder: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = everything(Path(folder), PLACES[place], secret, how, holder)
    for text in (secret, ENCODINGS[how](secret)):
        for shape in shapes(text):
            assert shape not in found, (place, how, holder, shape)
    assert b"***" in found


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_in_none_of_the_places(place: str, tmp_path: Path) -> None:
    secret = 'tr0ub4&"dör\\-3'
    found = everything(tmp_path, PLACES[place], secret, "as it is", "text")
    assert not [shape for shape in shapes(secret) if shape in found]
