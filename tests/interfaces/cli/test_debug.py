"""``debug``: a debugger at the first line of a recorded step's executor."""

import json
import os
import pty
import subprocess
import sys

import pytest

from .conftest import CommandLine

APPLICATION = """
import functools
import flowledger as fl

executors = fl.ExecutorRegistry()

def measured(function):
    @functools.wraps(function)
    def wrapper(step):
        return function(step)
    return wrapper

@executors.register("add")
@measured
def add(step):
    first = step.data["a"]
    return {"sum": first + step.data["b"]}

@executors.register("later")
async def later(step):
    return step.attempt

class Caller:
    def __call__(self, step):
        return "called"

executors.register("caller")(Caller())

@executors.register("send", effects=True)
def send(step):
    raise ValueError("not twice")

executors.register("builtin")(repr)

def stop_here():
    import sys
    frame = sys._getframe().f_back.f_back
    print("stopped in", frame.f_code.co_name, frame.f_locals["step"].node.id)
"""


@pytest.fixture
def home(cli: CommandLine) -> CommandLine:
    (cli.home / "app.py").write_text(APPLICATION)
    cli.environment["FLOWLEDGER_APP"] = "app:executors"
    return cli


def run_of(cli: CommandLine, type: str) -> str:
    node = {"id": "n", "type": type, "data": {"a": 1, "b": "{{ payload }}"}}
    cli.json("workflow", "save", "-", "--id", type, stdin=json.dumps({"nodes": [node]}))
    done = cli("run", "start", type, "--payload", "2", "--json")
    return str(json.loads(done.stdout)["id"])


def test_a_developer_at_a_terminal_stops_at_the_first_line_and_quits(home: CommandLine) -> None:
    run_id = run_of(home, "add")
    before = home.json("events", run_id)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flowledger", "debug", f"{run_id}@2"],
        cwd=home.home,
        env=home.environment | {"TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    screen = answered(ours)
    assert f"run {run_id}@2: node n, attempt 1, executor app.add" in screen
    assert 'input {"a":1,"b":2}' in screen
    assert 'recorded → end: {"sum":3}' in screen
    assert '-> first = step.data["a"]' in screen
    for typed, shown in (("p step.data", "{'a': 1, 'b': 2}"), ("p step.payload", "2"), ("n", '-> return {"sum"')):
        os.write(ours, f"{typed}\n".encode())
        assert shown in answered(ours)
    os.write(ours, b"q\n")
    assert process.wait(timeout=60) == 0
    os.close(ours)
    assert home.json("events", run_id) == before


def answered(terminal: int) -> str:
    """What the terminal shows up to the debugger's next prompt."""
    screen = ""
    while not screen.endswith("(Pdb) "):
        screen += os.read(terminal, 4096).decode()
    return screen


@pytest.mark.parametrize(
    ("type", "line", "returned"),
    [
        ("add", '-> first = step.data["a"]', "{'sum': 3}"),
        ("later", "-> return step.attempt", "1"),
        ("caller", '-> return "called"', "'called'"),
    ],
)
def test_every_kind_of_executor_stops_and_shows_what_it_returns(
    home: CommandLine, type: str, line: str, returned: str
) -> None:
    done = home("debug", f"{run_of(home, type)}@2", stdin="c\n")
    assert (done.returncode, line in done.stdout) == (0, True), (done.stdout, done.stderr)
    assert f"returned {returned}" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_document_stays_alone_on_stdout(home: CommandLine) -> None:
    document = home.json("debug", f"{run_of(home, 'add')}@2", stdin="c\n")
    assert document["executor"] == {"type": "add", "name": "app.add", "deterministic": True, "effects": False}
    assert (document["returned"], document["raised"]) == ("{'sum': 3}", None)
    assert document["recorded"]["data"]["output"] == {"sum": 3}


def test_effects_are_debugged_only_where_they_are_named(home: CommandLine) -> None:
    run_id = run_of(home, "send")
    assert "name it with --effects send" in home.refused("debug", f"{run_id}@2", stdin="c\n")
    done = home("debug", f"{run_id}@2", "--effects", "send", stdin="c\n")
    assert (done.returncode, "raised ValueError: not twice" in done.stdout) == (0, True), done.stderr


@pytest.mark.exhaustive
def test_another_debugger_is_named_as_for_breakpoint(home: CommandLine) -> None:
    run_id = run_of(home, "add")
    done = home("debug", f"{run_id}@2", PYTHONBREAKPOINT="app.stop_here")
    assert "stopped in add n" in done.stdout, done.stderr
    assert "returned {'sum': 3}" in home("debug", f"{run_id}@2", PYTHONBREAKPOINT="0").stdout
    done = home("debug", f"{run_id}@2", PYTHONBREAKPOINT="ghost.set_trace")
    assert (done.returncode, "PYTHONBREAKPOINT names 'ghost.set_trace'" in done.stderr) == (2, True)


def test_what_can_not_be_debugged_is_told(home: CommandLine) -> None:
    run_id = run_of(home, "add")
    assert "name the step as RUN@VERSION" in home.refused("debug", run_id)
    assert "no step: the next one is version 2" in home.refused("debug", f"{run_id}@1")
    assert "has no version 9" in home.refused("debug", f"{run_id}@9")
    assert "no run 'nobody'" in home.refused("debug", "nobody@2")
    refused = home("debug", f"{run_of(home, 'builtin')}@2")
    assert (refused.returncode, "is no Python code" in refused.stderr) == (2, True)
    (home.home / "app.py").write_text("import flowledger as fl\nexecutors = fl.ExecutorRegistry()")
    assert "no executor is registered for type 'add'" in home.refused("debug", f"{run_id}@2")
