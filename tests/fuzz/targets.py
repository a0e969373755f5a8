"""What reads texts of strangers, one function each: whatever bytes come in, what comes out is of our error tree.

Each is given a scratch folder once, and then any number of inputs. What it asserts holds for every input.
"""

import ast
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonpatch

import flowledger as fl
from flowledger.domain.workflow.same_code import same_code
from flowledger.infrastructure.files.yaml_read import from_yaml
from flowledger.infrastructure.storage.addresses import sqlite_file
from flowledger.infrastructure.storage.credentials import redact_url
from flowledger.projections.comparison.json_patch import operations, patch_of

Target = Callable[[bytes], object]

PAYLOAD = {
    "id": "o-1",
    "total": 250,
    "items": [{"sku": "a", "n": 2}, {"sku": "b", "n": -1}],
    "text": "Grüße, 世界",
    "no": None,
}
ONE_NODE = {"nodes": [{"id": "n", "type": "t"}]}


def registry() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda step: step.data)
    return executors


def expressions(folder: Path) -> Target:
    """One expression, as the data of a node and evaluated."""
    return lambda data: _run({"hit": "{{ " + _text(data) + " }}"})


def templates(folder: Path) -> Target:
    """Node data of any shape, with expressions anywhere in it."""

    def run(data: bytes) -> None:
        value = _json(data)
        if value is not None:
            _run(value)

    return run


def _run(data: Any) -> None:
    with suppress(fl.FlowledgerError):
        definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "t", "data": data}]})
        snapshot = fl.Engine(definition, registry()).execute(
            payload=PAYLOAD, globals={"token": "tr0ub4dor"}, step_limit=1
        )
        assert "tr0ub4dor" not in str(snapshot.context["n"][-1].error)
        assert fl.Snapshot.from_json(snapshot.to_json()) == snapshot


def filters(folder: Path) -> Target:
    """A filter on runs, and words to look for. Whatever is found is in the list without it."""
    ledger = _ledger()
    known = {run.id for run in ledger.history.runs()}

    def search(data: bytes) -> None:
        for given in ({"where": _text(data)}, {"text": _text(data)}, {"workflow_id": _text(data)}):
            with suppress(fl.FlowledgerError):
                assert {run.id for run in ledger.history.runs(**given)} <= known

    return search


def cursors(folder: Path) -> Target:
    """Where a list goes on."""
    ledger = _ledger()

    def go_on(data: bytes) -> None:
        after = _text(data)
        for page in (ledger.history.runs, ledger.history.work_orders, ledger.workflows.list):
            with suppress(fl.FlowledgerError):
                page(after=after, limit=2)

    return go_on


def definitions(folder: Path) -> Target:
    """A definition as JSON, saved and read back."""
    ledger = fl.open_ledger("memory:", registry())

    def save(data: bytes) -> None:
        value = _json(data)
        with suppress(fl.FlowledgerError):
            saved = ledger.workflows.save(value, workflow_id="w")
            assert fl.WorkflowDefinition.model_validate(saved.definition.to_data()) == saved.definition
            str(ledger.workflows.diff("w", 1, saved.version))

    return save


def yaml(folder: Path) -> Target:
    """A definition as YAML."""

    def read(data: bytes) -> None:
        with suppress(fl.FlowledgerError):
            fl.WorkflowDefinition.model_validate(from_yaml(_text(data), "w.yaml"))

    return read


def exports(folder: Path) -> Target:
    """An export: as it is, and with its digests made anew, as whoever forges one does. A store stays whole."""
    file = folder / "run.jsonl"

    def take_in(data: bytes) -> None:
        for content in (data, _with_digests(data)):
            file.write_bytes(content)
            with fl.open_ledger("memory:", registry()) as ledger:
                ledger.workflows.save(ONE_NODE, workflow_id="mine")
                before = ledger.verify().events
                try:
                    ledger.history.import_(file)
                except fl.FlowledgerError:
                    assert ledger.verify().events == before
                    continue
                assert ledger.verify(deep=True).ok
                for run in ledger.history.runs():
                    str(ledger.history.audit(run.id))
                ledger.rebuild()

    return take_in


def heads(folder: Path) -> Target:
    """A file of heads, which a store is compared with. It stays as it was."""
    ledger = _ledger()
    file = folder / "heads"

    def compare(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(fl.FlowledgerError):
            ledger.verify(heads=file)
        assert file.read_bytes() == data

    return compare


def snapshots(folder: Path) -> Target:
    """A snapshot from outside, which an engine goes on from, and a ledger adopts."""
    definition = fl.WorkflowDefinition.model_validate(
        {"nodes": [{"id": "n1", "type": "t"}, {"id": "n2", "type": "t"}], "edges": [{"source": "n1", "target": "n2"}]}
    )
    engine = fl.Engine(definition, registry(), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    ledger = fl.open_ledger("memory:", registry())
    ledger.workflows.save(definition, workflow_id="w")

    def read(data: bytes) -> None:
        with suppress(fl.FlowledgerError):
            snapshot = fl.Snapshot.from_json(data)
            assert fl.Snapshot.from_json(snapshot.to_json()) == snapshot
            run = ledger.runs.adopt(snapshot, "w", step_limit=3)
            assert ledger.runs.get(run.id) == run
            engine.execute(snapshot, step_limit=3)

    return read


def urls(folder: Path) -> Target:
    """A store's URL, as it is shown, with a password in it. Nothing is opened."""
    password = "hunter2-s3cret"

    def show(data: bytes) -> None:
        text = _text(data)
        with suppress(fl.FlowledgerError):
            sqlite_file(text)
        redact_url(text.replace("PASSWORD", password))
        for url in (f"postgresql://u:{password}@{text}", f"postgresql://h/{text}?password={password}"):
            assert password not in redact_url(url)

    return show


def patches(folder: Path) -> Target:
    """Two JSON values: the patch from the one to the other gives the other."""

    def compare(data: bytes) -> None:
        value = _json(data)
        if not isinstance(value, list) or len(value) < 2:
            return
        before, after = value[:2]
        patch = json.loads(json.dumps(patch_of(operations(before, after))))
        assert json.dumps(jsonpatch.apply_patch(before, patch), sort_keys=True) == json.dumps(after, sort_keys=True)

    return compare


def sources(folder: Path) -> Target:
    def compare(data: bytes) -> None:
        one, _, other = _text(data).partition("\0")
        assert same_code(one, one)
        found = same_code(one, other)
        assert found == same_code(other, one)
        if found and one != other:
            assert _statements(one) == _statements(other)

    return compare


def _statements(source: str) -> list[str]:
    """Those of a source, which may be indented as a whole."""
    is_indented = source[:1] in (" ", "\t")
    body = ast.parse(f"if True:\n{source}" if is_indented else source).body
    if is_indented and len(body) == 1 and isinstance(body[0], ast.If):
        body = body[0].body
    return [ast.dump(one) for one in body]


TARGETS: dict[str, Callable[[Path], Target]] = {
    make.__name__: make
    for make in (
        *(expressions, templates, filters, cursors, definitions, yaml, exports, heads, snapshots, urls, patches),
        sources,
    )
}


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _json(data: bytes) -> Any:
    """None where it is no JSON: what that costs and says is another matter."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _ledger() -> fl.Ledger:
    ledger = fl.open_ledger("memory:", registry())
    for workflow_id in ("a", "b"):
        ledger.workflows.save({"nodes": [{"id": "n", "type": "t", "data": "{{ payload }}"}]}, workflow_id=workflow_id)
        for count in range(3):
            ledger.runs.start(workflow_id, payload=PAYLOAD | {"count": count}, metadata={"who": "ada"})
    ledger.search.catch_up()
    return ledger


def _with_digests(content: bytes) -> bytes:
    """The same export with digests that fit what it says."""
    lines = content.splitlines(keepends=True)
    before: dict[str, bytes] = {}
    made: list[bytes] = []
    for line in lines[1:-1]:
        try:
            event = json.loads(line)
            body = json.dumps(event.pop("data"), separators=(",", ":"), ensure_ascii=False).encode()
            stream = event["stream"]
            chain = before.get(stream, sha256(stream.encode()).digest()) + bytes.fromhex(event["id"])
            before[stream] = sha256(chain + event["type"].encode() + b"\0" + body).digest()
            event["digest"] = before[stream].hex()
            head = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            made.append(line)
        else:
            made.append(head[:-1] + b',"data":' + body + b"}\n")
    text = b"".join(lines[:1] + made)
    return text + b'{"events":%d,"digest":"%s"}\n' % (len(made), sha256(text).hexdigest().encode())
