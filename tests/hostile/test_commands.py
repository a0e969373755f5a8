"""Every command with every hostile text: recorded in what it shows, and given as what it is asked for."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flowledger.domain.visible import visible
from flowledger.infrastructure.interfaces.cli.app import make_command

from ..effort import spread
from .older_names import EVIL, fill
from .values import NAME, SURROGATE

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
ROOT = Path(__file__).parents[2]

ARGUMENTS: dict[str, list[list[str]]] = {
    "report": [["{completed}", "{folder}/a.html"], ["{failed}", "{folder}/b.html", "--force"]],
    "audit": [["{completed}"], ["--full", "{failed}"], ["--full", "{completed}"], ["{forked}"]],
    "backup": [["{folder}/copy.db", "--force"]],
    "counts": [["status"], ["node"], ["error_type"], ["workflow"], ["{evil}"]],
    "completion": [["bash"]],
    "debug": [["{completed}@2"], ["{failed}@2"]],
    "demo": [[]],
    "diff": [["{completed}", "1", "3"], ["{failed}", "1", "2"], ["{completed}", "--with", "{other}"]],
    "erase": [["{evil}"], ["{evil}", "--dry-run", "--reason", "{evil}"]],
    "evidence stamp": [["{folder}/kept", "--authority", "{evil}"], ["{evil}", "--authority", "http://127.0.0.1:1/"]],
    "evidence keygen": [["{folder}/key"], ["{folder}/other", "--name", "{evil}"]],
    "evidence ask": [["{folder}/kept"], ["{folder}/kept", "--seen", "{evil}"]],
    "evidence cosign": [["{folder}/kept", "--key", "{folder}/key", "--log", "{evil}", "--seen", "{folder}/seen"]],
    "evidence checkpoint": [["--key", "{folder}/key", "--to", "{folder}/kept"], ["--key", "{evil}"]],
    "evidence prove": [["{completed}", "--out", "{folder}/proof"], ["{evil}"]],
    "evidence check": [["{folder}/kept", "--key", "{evil}"], ["{folder}/kept"]],
    "retention preview": [["--older-than", "{evil}"], ["--workflow", "{evil}", "--status", "failed"]],
    "retention apply": [
        ["--yes", "--archived-workflows", "--workflow", "{evil}", "--older-than", "9d", "--reason", "{evil}"],
        ["--yes"],
    ],
    "retention removals": [[]],
    "retention hold": [["{completed}", "--reason", "{evil}"], ["--subject", "{evil}", "--reason", "{evil}"]],
    "retention lift": [["{failed}"], ["--subject", "{evil}"]],
    "retention holds": [[]],
    "events": [["{completed}"], ["{failed}"], ["{cancelled}"], ["{order}"], ["workflow:{evil}"]],
    "export": [
        ["{completed}", "{folder}/run.jsonl"],
        ["{failed}", "{folder}/f.jsonl", "--as-test", "{folder}/test_it.py"],
    ],
    "failures": [[], ["--retried"], ["--workflow", "{evil}"], ["--error-type", "{evil}"]],
    "history": [
        [],
        ["--by", "{evil}"],
        ["--workflow", "{evil}"],
        ["--text", "PWNED"],
        ["--where", "payload.way={evil}"],
    ],
    "import": [["{folder}/run.jsonl"], ["--dry-run", "{folder}/run.jsonl"]],
    "keys generate": [["{folder}/ring.json"], ["{folder}/{evil}"]],
    "keys rewrap": [[], ["--keys", "{evil}"]],
    "lineage": [["{forked}"]],
    "orders": [[], ["--workflow", "{evil}"]],
    "rebuild": [[]],
    "replay": [["{completed}"], ["--verify", "{completed}"], ["{paused}", "--step"], ["--verify", "--all"]],
    "run adopt": [["{folder}/run.jsonl", "--workflow", "{evil}", "--by", "x"]],
    "run cancel": [["{paused}", "--reason", "{evil}", "--by", "x"], ["--all", "--dry-run"]],
    "run fork": [["{completed}@2", "--by", "x"]],
    "run hold": [["{paused}", "--reason", "{evil}", "--by", "x"]],
    "run pause": [["{completed}"]],
    "run proceed": [["{failed}"]],
    "run release": [["{paused}", "--note", "{evil}", "--by", "x"]],
    "run reproduce": [["{completed}", "--by", "x"]],
    "run resume": [["{paused}", "--payload", '"more"', "--by", "x"]],
    "run retry": [["{failed}", "--preview"], ["{failed}", "--by", "x"], ["--all", "--dry-run"]],
    "run set-metadata": [["{paused}", '{"{evil}": 1}', "--by", "x"]],
    "run start": [["{evil}", "--by", "x", "--payload", '{"way": 1}']],
    "schema": [[]],
    "serve": [["--host", "{evil}"], ["--port", "-1"], ["--demo", "--host", "{evil}"]],
    "show": [["{completed}"], ["{failed}@1"], ["{paused}"]],
    "status": [[], ["--metrics"], ["--health", "--worker", "{evil}"]],
    "steps": [[], ["--workflow", "{evil}"], ["--node", "{evil}"], ["--where", "{evil}"]],
    "token create": [
        ["{evil}", "--role", "viewer"],
        ["dana", "--role", "{evil}"],
        ["dana", "--role", "viewer", "--expires", "{evil}"],
    ],
    "token list": [[]],
    "token revoke": [["{evil}"]],
    "timings": [["{evil}"], ["{evil}", "--by", "day"]],
    "trace": [["{completed}"], ["{failed}@2"]],
    "trail": [[], ["--by", "{evil}"], ["--on", "workflow:{evil}"], ["--diff"]],
    "verify": [[]],
    "worker": [
        ["--store", "{evil}", "--store", "x{evil}"],
        ["--limit", "{evil}"],
        ["--name", "{evil}"],
        ["--globals", "{evil}"],
    ],
    "bulk list": [[]],
    "bulk request": [
        ["cancel", "{paused}", "--by", "x", "--reason", "{evil}"],
        ["retry", "--workflow", "{evil}"],
        ["{evil}", "--all"],
    ],
    "bulk run": [["{evil}", "--by", "x"]],
    "bulk show": [["{evil}"], ["{evil}", "--outcome", "{evil}"]],
    "bulk stop": [["{evil}", "--by", "x", "--reason", "{evil}"]],
    "waits": [[], ["--workflow", "{evil}"], ["--node", "{evil}"]],
    "workflow archive": [["{evil}", "--by", "x", "--reason", "{evil}"]],
    "workflow diff": [["{evil}", "1", "2"]],
    "workflow export": [["{evil}", "{folder}/w.json"], ["{evil}", "{folder}/w", "--format", "yaml"]],
    "workflow list": [[], ["--archived"]],
    "workflow release": [["{evil}", "1", "--by", "x", "-m", "{evil}"], ["{evil}", "{evil}", "--key", "{evil}"]],
    "workflow rename": [["{evil}", "a plain name", "--by", "x"]],
    "workflow restore": [["{evil}", "--by", "x"]],
    "workflow save": [["{folder}/w.json", "--id", "{evil}", "--by", "x"]],
    "workflow show": [["{evil}"], ["{evil}@1"]],
    "workflow versions": [["{evil}"]],
}
"""For each command how it is called."""


@cache
def commands() -> dict[str, Any]:
    """Every command of the command line, by its name."""
    found: dict[str, Any] = {}

    def walk(group: Any, name: str) -> None:
        for key, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, f"{name}{key} ")
            else:
                found[name + key] = command

    walk(make_command(), "")
    return found


class Shell:
    """A process that runs commands on a store full of hostile texts."""

    def __init__(self, folder: Path) -> None:
        self.store = f"sqlite:///{folder}/s.db"
        self.named = fill(self.store) | {"evil": EVIL, "folder": str(folder)}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("FLOWLEDGER_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.commands"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | {"PYTHONBREAKPOINT": "0", "COLUMNS": "9000", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )

    def run(self, command: str, *arguments: str, before: tuple[str, ...] = ()) -> tuple[Any, str, str]:
        """Exit status, stdout and stderr; ``{name}`` in an argument is what has that name."""
        filled = [re.sub(r"\{(\w+)\}", lambda found: self.named.get(found[1], found[0]), one) for one in arguments]
        return self.run_as_is(command, *filled, before=before)

    def run_as_is(self, command: str, *arguments: str, before: tuple[str, ...] = ()) -> tuple[Any, str, str]:
        options = ["--store", self.store, "--app", "tests.hostile.older_names:executors", *before]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([*options, *command.split(), *arguments]), file=self.process.stdin, flush=True)
        status, out, err = json.loads(self.process.stdout.readline())
        return status, out, err


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    made = Shell(tmp_path_factory.mktemp("hostile"))
    with made.process:
        yield made
        made.process.stdin.close()  # type: ignore[union-attr]


def assert_steers_nothing(status: Any, out: str, err: str) -> None:
    assert isinstance(status, int), status
    found = sorted(set(OBEYED.findall(out + err)))
    assert not found, ascii("".join(found))
    assert "Traceback" not in err.replace("Traceback (most recent call last): ", "")
    assert not re.search("^FORGED", out + err, re.MULTILINE), "a recorded text began a line of its own"
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in out + err


def test_every_command_is_among_those_that_are_tried() -> None:
    assert set(ARGUMENTS) == set(commands())


@pytest.mark.parametrize("command", ARGUMENTS)
def test_no_command_lets_a_recorded_text_steer_the_terminal(shell: Shell, command: str) -> None:
    for arguments in ARGUMENTS[command]:
        status, out, err = shell.run(command, *arguments)
        assert_steers_nothing(status, out, err)
        if status == 0 and command.startswith("workflow ") and command not in ("workflow save", "workflow list"):
            assert "[/bold][link=https://x]:smile:{0}%s" in out, "what is no control character is shown as it is"


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", ARGUMENTS)
def test_the_json_of_every_command_steers_no_terminal_and_has_the_recorded_values(shell: Shell, command: str) -> None:
    for arguments in ARGUMENTS[command]:
        status, out, err = shell.run(command, *arguments, before=("--json",))
        assert_steers_nothing(status, out, err)
        documents = (
            list(map(json.loads, out.splitlines())) if command == "replay" and "\n{" in out else [json.loads(out)]
        )
        assert visible(EVIL) not in json.dumps(documents, ensure_ascii=False).replace(r"\"", ""), "escaped in the value"


SHOWS_ITS_ID = ("show", "events", "audit", "history", "trail", "workflow show", "workflow versions")


@pytest.mark.parametrize("command", SHOWS_ITS_ID)
def test_json_gives_a_hostile_name_back_as_it_is(shell: Shell, command: str) -> None:
    _, out, _ = shell.run(command, *ARGUMENTS[command][0], before=("--json",))
    assert EVIL in set(texts_in(json.loads(out)))


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


TYPED = [EVIL, NAME, SURROGATE, "--help", "9" * 5_000]


@pytest.mark.parametrize("command", ARGUMENTS)
@pytest.mark.parametrize("typed", spread(TYPED, by_default=[EVIL]), ids=range(len(TYPED)))
def test_nothing_that_is_typed_steers_the_terminal(shell: Shell, command: str, typed: str) -> None:
    parameters = [one for one in commands()[command].params if one.name not in ("by", "force")]
    text = [one for one in parameters if not getattr(one, "is_flag", False)]
    fitting = ARGUMENTS[command][0]
    for parameter in text:
        if parameter.param_type_name == "option":
            given = [*fitting, f"{parameter.opts[0]}={typed}"]
        else:
            given = [typed if not one.startswith("-") else one for one in fitting] or [typed]
        assert_steers_nothing(*shell.run(command, *given))
    assert_steers_nothing(*shell.run(command, f"--{EVIL}"))
    assert_steers_nothing(*shell.run(f"{command}{EVIL}".replace(" ", "_")))
