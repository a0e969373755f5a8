"""Every command that writes a file, and every one that reads one: into devices and pipes, out of them, privately."""

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.app import main, make_command

WRITING = {
    "export FILE": ("run.jsonl", ["export", "{run}", "{place}"]),
    "export FILE, compressed": ("run.jsonl.zst", ["export", "{run}", "{place}"]),
    "report FILE": ("run.html", ["report", "{run}", "{place}", "--force"]),
    "audit --out": ("audit.json", ["audit", "{run}", "--out", "{place}"]),
    "history --out": ("list.csv", ["history", "--all", "--out", "{place}"]),
    "orders --out": ("list.json", ["orders", "--out", "{place}"]),
    "trail --out": ("list.jsonl", ["trail", "--out", "{place}"]),
    "steps --out": ("list.csv", ["steps", "--out", "{place}"]),
    "bulk list --out": ("list.csv", ["bulk", "list", "--all", "--out", "{place}"]),
    "failures --out": ("list.json", ["failures", "--out", "{place}"]),
    "waits --out": ("list.csv", ["waits", "--out", "{place}"]),
    "history --out, as Parquet": ("list.parquet", ["history", "--out", "{place}"]),
    "workflow export PATH": ("w.json", ["workflow", "export", "w", "{place}"]),
    "workflow export PATH, as YAML": ("w.yaml", ["workflow", "export", "w", "{place}"]),
    "verify --heads": ("heads.jsonl", ["verify", "--heads", "{place}"]),
    "backup FILE": ("copy.db", ["backup", "{place}", "--force"]),
    "evidence prove --out": ("run.proof", ["evidence", "prove", "{run}", "--out", "{place}"]),
}
"""Command and parameter → a name that asks for its format, and the arguments."""

WITNESS = ["--key", "witness", "--log", "log"]

READING = {
    "import FILE": (["import", "{place}", "--dry-run"], "export"),
    "workflow save PATH": (["workflow", "save", "{place}", "--id", "w"], "definition"),
    "run start --payload": (["run", "start", "w", "--payload", "{place}"], "value"),
    "run start --metadata": (["run", "start", "w", "--metadata", "{place}"], "value"),
    "run resume --payload": (["run", "resume", "{waiting}", "--payload", "{place}"], "value"),
    "run adopt FILE|-|JSON": (["run", "adopt", "{place}", "--workflow", "w"], "snapshot"),
    "run adopt --metadata": (["run", "adopt", "{snapshot}", "--workflow", "w", "--metadata", "{place}"], "value"),
    "run fork --payload": (["run", "fork", "{run}@1", "--payload", "{place}"], "value"),
    "run fork --output": (["run", "fork", "{run}", "--output", "{place}"], "value"),
    "run fork --metadata": (["run", "fork", "{run}@1", "--metadata", "{place}"], "value"),
    "run set-metadata FILE|-|JSON": (["run", "set-metadata", "{run}", "{place}"], "value"),
    "run start --trigger": (["run", "start", "w", "--trigger", "{place}"], "trigger"),
    "audit --check": (["audit", "--check", "{place}"], "audit"),
    "evidence check FILE": (["evidence", "check", "{place}"], "checkpoint"),
    "evidence ask FILE": (["evidence", "ask", "{place}"], "checkpoint"),
    "evidence ask --seen": (["evidence", "ask", "checkpoint", "--seen", "{place}"], "checkpoint"),
    "evidence cosign FILE": (["evidence", "cosign", "{place}", *WITNESS, "--seen", "seen"], "request"),
    "evidence prove --checkpoint": (["evidence", "prove", "{run}", "--checkpoint", "{place}"], "checkpoint"),
}

KEYS = {
    "evidence keygen FILE": ["evidence", "keygen", "{place}"],
    "keys generate FILE": ["keys", "generate", "{place}"],
}
"""They make keys."""

KEYS_READ = {
    "evidence checkpoint --key": "evidence",
    "evidence cosign --key": "evidence",
    "worker --sign-key": "evidence",
    "--keys": "erasure",
}
"""Files that others may not read → whose tests try that."""

STAMPS = {
    "evidence stamp FILE": "evidence",
    "evidence stamp --out": "evidence",
    "evidence stamp --authority-certificate": "evidence",
    "evidence check --stamp": "evidence",
    "evidence check --authority-certificate": "evidence",
}
"""What an authority has a part in → whose tests try that."""

ADDED_TO = {
    "evidence checkpoint --to": ["evidence", "checkpoint", "--key", "key", "--to", "{place}"],
    "evidence cosign --seen": ["evidence", "cosign", "request", *WITNESS, "--seen", "{place}"],
}
IN_A_WORKER = {"worker --sign-to": "evidence checkpoint --to", "worker --archive": "retention apply --archive"}
"""What goes on → the command that does the same once."""

FOLDERS = {
    "export --all": ["export", "--all", "{place}"],
    "export --as-test": ["export", "{run}", "--as-test", "{place}"],
    "workflow export PATH": ["workflow", "export", "w", "{place}"],
    "retention apply --archive": ["retention", "apply", "--everything", "--yes", "--archive", "{place}"],
}

NAMED_ALONE = {"retention preview --archive": "it says what would go, and writes nothing"}

SNAPSHOT = '{"workflowId": "w", "status": "completed", "currentNodeId": null, "context": {}, "version": 1}'
APP = """
import flowledger as fl
registry = fl.ExecutorRegistry()
registry.register("echo")(lambda step: step.payload or fl.Pause("wait"))
"""


def test_the_tables_above_have_every_command_that_takes_a_file() -> None:
    told = {
        name.partition(",")[0]
        for name in (*WRITING, *READING, *FOLDERS, *KEYS, *KEYS_READ, *STAMPS, *ADDED_TO, *IN_A_WORKER, *NAMED_ALONE)
    }
    assert set(parameters_for_files(make_command())) == told


def parameters_for_files(command: Any, name: str = "") -> Iterator[str]:
    for below, each in getattr(command, "commands", {}).items():
        yield from parameters_for_files(each, f"{name} {below}".strip())
    for parameter in command.params:
        metavar = parameter.metavar or ""
        is_argument = not parameter.opts[0].startswith("-")
        # An option's PATH is one inside of a value.
        if any(word in metavar for word in ("FILE", "FOLDER")) or (is_argument and metavar == "PATH"):
            yield f"{name} {metavar if is_argument else parameter.opts[0]}".strip()


class Store:
    """A store with a run that is done, one that waits, and one that has failed and is to be retried with others."""

    def __init__(self, home: Path) -> None:
        (home / "steps.py").write_text(APP)
        self.home = home
        self.url = f"sqlite:///{home}/s.db"
        executors = fl.ExecutorRegistry()
        executors.register("echo")(lambda step: step.payload or fl.Pause("wait"))

        @executors.register("fail")
        def fail(step: fl.StepContext) -> None:
            raise ValueError("no")

        with fl.open_ledger(self.url, executors) as ledger:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w")
            self.run = ledger.runs.start("w", payload="private").id
            self.waiting = ledger.runs.start("w").id
            ledger.workflows.save({"nodes": [{"id": "a", "type": "fail"}]}, workflow_id="f")
            self.failed = ledger.runs.start("f").id
            self.bulk = ledger.bulk.request("retry", runs=[self.failed]).id
            ledger.history.export(self.run, home / "exported.jsonl")
            public = ledger.evidence.keygen(home / "key", "example.com/s")
            signed = ledger.evidence.checkpoint(home / "key")
            request = ledger.evidence.ask_witness(signed)
            ledger.evidence.keygen(home / "witness", "witness.example", witness=True)
            (home / "log").write_text(public)
            (home / "request").write_text(request)
            (home / "checkpoint").write_text(signed.text)
            audit = ledger.history.audit(self.run, version=1)
        self.contents = {
            "export": (home / "exported.jsonl").read_bytes(),
            "definition": b'{"nodes": [{"id": "a", "type": "echo"}]}',
            "value": b'{"read": "it"}',
            "snapshot": SNAPSHOT.encode(),
            "trigger": b'{"kind": "cron"}',
            "audit": json.dumps(audit.to_data()).encode(),
            "checkpoint": signed.text.encode(),
            "request": request.encode(),
        }

    def arguments(self, arguments: list[str], place: str | Path) -> list[str]:
        filled = [each.format(run=self.run, waiting=self.waiting, place=place, snapshot=SNAPSHOT) for each in arguments]
        return ["--store", self.url, "--app", "steps:registry", *filled]

    def __call__(self, arguments: list[str], place: str | Path, status: int = 0) -> str:
        """Carry out a command in this process, and return what it said."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.raises(SystemExit) as ended, redirect_stdout(out), redirect_stderr(err):
            main(self.arguments(arguments, place))
        assert ended.value.code == status, err.getvalue()
        return out.getvalue() + err.getvalue()

    def process(self, arguments: list[str], place: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "flowledger", *self.arguments(arguments, place)]
        return subprocess.run(command, cwd=self.home, stderr=subprocess.PIPE, timeout=60, **options)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path)


def seems_whole(name: str, content: bytes, store: Store) -> bool:
    """Whether this is what the command writes into a file of that name."""
    match Path(name).suffix:
        case ".zst":
            return content.startswith(b"\x28\xb5\x2f\xfd")
        case ".parquet":
            return content.startswith(b"PAR1") and content.endswith(b"PAR1")
        case ".db":
            return content.startswith(b"SQLite format 3\0") and store.run.encode() in content
        case ".json":
            return bool(json.loads(content))
        case ".jsonl":
            return all(json.loads(line) for line in content.splitlines())
        case _:
            ids = (store.run, store.waiting, store.failed, store.bulk)
            return any(part in content for part in (*(id.encode() for id in ids), b"echo"))


@pytest.mark.parametrize("name", WRITING)
def test_a_command_writes_a_private_file_and_keeps_the_mode_of_one_that_is_there(store: Store, name: str) -> None:
    file, arguments = WRITING[name]
    store(arguments, file)
    written = store.home / file
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert seems_whole(file, written.read_bytes(), store)
    written.chmod(0o644)
    before = written.stat().st_ino
    store(arguments, file)
    assert written.stat().st_ino != before
    assert stat.S_IMODE(written.stat().st_mode) == 0o644
    assert seems_whole(file, written.read_bytes(), store)


@pytest.mark.parametrize("name", WRITING)
def test_a_command_writes_into_a_pipe_and_leaves_it_one(store: Store, name: str) -> None:
    file, arguments = WRITING[name]
    os.mkfifo(file)
    received: list[bytes] = []
    reader = Thread(target=lambda: received.append(Path(file).read_bytes()))
    reader.start()
    store(arguments, file)
    reader.join()
    assert seems_whole(file, received[0], store)
    assert Path(file).is_fifo()
    assert not [left for left in os.listdir() if left.startswith(".flowledger-")]


@pytest.mark.parametrize("name", [name for name in WRITING if name.partition(" ")[0] not in ("orders", "trail")])
@pytest.mark.sampled(4)
def test_a_command_writes_to_stdout_and_nothing_else_gets_there(store: Store, name: str) -> None:
    file, arguments = WRITING[name]
    Path(file).symlink_to("/dev/stdout")
    done = store.process(arguments, file, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert seems_whole(file, done.stdout, store)
    assert done.stderr


@pytest.mark.parametrize("name", [name for name in WRITING if "," not in name])
def test_a_name_of_stdout_that_says_no_format_gets_lines_of_text(store: Store, name: str) -> None:
    _, arguments = WRITING[name]
    reading, writing = os.pipe()
    received: list[bytes] = []

    def read() -> None:
        with os.fdopen(reading, "rb") as pipe:
            received.append(pipe.read())

    reader = Thread(target=read)
    reader.start()
    store(arguments, f"/dev/fd/{writing}")
    os.close(writing)
    reader.join()
    assert seems_whole("x.db" if name == "backup FILE" else "x", received[0], store)


@pytest.mark.parametrize("name", WRITING)
def test_a_command_leaves_a_device_a_device(store: Store, name: str) -> None:
    file, arguments = WRITING[name]
    try:
        os.mknod(file, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        Path(file).write_bytes(b"")
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    store(arguments, file)
    assert stat.S_ISCHR(os.lstat(file).st_mode)


@pytest.mark.parametrize("name", WRITING)
def test_no_command_makes_the_folder_of_a_mistyped_path(store: Store, name: str) -> None:
    file, arguments = WRITING[name]
    assert "there is no folder" in store(arguments, f"mistyped/{file}", status=2)
    assert "File name too long" in store(arguments, f"{'x' * 300}-{file}", status=2)
    assert not Path("mistyped").exists()


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_a_new_file_for_its_owner_alone_and_is_never_written_over(store: Store, name: str) -> None:
    store(KEYS[name], "made")
    content = Path("made").read_bytes()
    assert content
    assert stat.S_IMODE(Path("made").stat().st_mode) == 0o600
    store(KEYS[name], "made", status=2)
    assert Path("made").read_bytes() == content
    store(KEYS[name], "mistyped/made", status=2)
    assert not Path("mistyped").exists()


@pytest.mark.parametrize("name", ADDED_TO)
def test_what_is_added_to_a_file_leaves_what_was_there_and_its_mode(store: Store, name: str) -> None:
    store(ADDED_TO[name], "kept")
    before = Path("kept").read_bytes()
    assert stat.S_IMODE(Path("kept").stat().st_mode) == 0o600
    Path("kept").chmod(0o644)
    store(ADDED_TO[name], "kept")
    assert Path("kept").read_bytes().startswith(before)
    assert len(Path("kept").read_bytes()) > len(before)
    assert stat.S_IMODE(Path("kept").stat().st_mode) == 0o644


@pytest.mark.parametrize("name", FOLDERS)
def test_a_command_that_makes_a_folder_makes_only_the_last_one(store: Store, name: str) -> None:
    assert "there is no folder" in store(FOLDERS[name], "mistyped/folder", status=2)
    assert not Path("mistyped").exists()
    store(FOLDERS[name], "folder")
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path("folder").rglob("*") if path.is_file()} == {0o600}


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize("kind", ["a file", "a pipe with a name", "a pipe without one"])
def test_a_command_reads_whatever_can_be_read(store: Store, name: str, kind: str) -> None:
    arguments, content = READING[name]
    place = "given"
    if kind == "a file":
        Path(place).write_bytes(store.contents[content])
        store(arguments, place)
        return
    if kind == "a pipe with a name":
        os.mkfifo(place)
        opened = None
    else:
        opened, writing = os.pipe()
        place = f"/dev/fd/{opened}"
    pipe = (lambda: open(place, "wb")) if opened is None else (lambda: os.fdopen(writing, "wb"))  # noqa: SIM115 - whoever is given it closes it

    def write() -> None:
        with pipe() as into:
            into.write(store.contents[content])

    writer = Thread(target=write)
    writer.start()
    said = store(arguments, place)
    writer.join()
    assert content != "value" or "it" in said or "completed" in said
    if opened is not None:
        os.close(opened)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["import FILE", "workflow save PATH", "run start --payload"])
def test_a_command_reads_stdin_by_its_name(store: Store, name: str) -> None:
    arguments, content = READING[name]
    done = store.process(arguments, "/dev/stdin", input=store.contents[content], stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", READING)
def test_a_command_says_what_it_can_not_read(store: Store, name: str) -> None:
    arguments, content = READING[name]
    for place in ("x" * 300, "none"):
        said = store(arguments, place, status=2)
        assert "None" not in said
        assert any(words in said for words in ("can't read", "is neither a file nor JSON"))
    if content not in ("export", "checkpoint", "request"):
        Path("twice.json").write_text('{"nodes": [{"id": "a", "type": "echo"}], "x": {"k": 1, "k": 2}}')
        assert "the key 'k' comes twice" in store(arguments, "twice.json", status=2)
