"""A prepared process is, to whoever runs it, as one that Python began."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .prepared import PreparedPython

PROGRAMS = {
    "a value": ("print(6 * 7)", ""),
    "its folder and environment": ("import os; print(os.getcwd(), sorted(os.environ))", ""),
    "its arguments": ("import sys; print(sys.argv, sys.path[0] == '')", ""),
    "stdin": ("import sys; print(sys.stdin.read()[::-1])", "é" * 100_000),
    "stdin that is not read": ("print(1)", "x" * 1_000_000),
    "both streams at once": ("import sys\nfor _ in range(20_000): print('out'); print('err', file=sys.stderr)", ""),
    "an error": ("raise KeyError('no')", ""),
    "an exit status": ("import sys; sys.exit(74)", ""),
    "words at its exit": ("import sys; sys.exit('no')", ""),
    "work at its exit": ("import atexit; atexit.register(print, 'the end')", ""),
    "a signal": ("import os; os.kill(os.getpid(), 9)", ""),
    "an interrupt": ("import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", ""),
    "children": ("import subprocess; print(subprocess.run(['sh', '-c', 'echo a; exit 3'], check=False))", ""),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_prepared_process_says_and_does_what_one_from_its_beginning_does(
    prepared_python: PreparedPython, tmp_path: Path, what: str
) -> None:
    program, stdin = PROGRAMS[what]
    arguments = ["-c", program, "one", "--two"]
    environment = {"ONE": "1", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    options: dict[str, Any] = {"cwd": tmp_path, "env": environment, "input": stdin}
    begun = subprocess.run([sys.executable, *arguments], capture_output=True, encoding="utf-8", check=False, **options)
    prepared = prepared_python.run(arguments, **options)
    assert told(prepared) == told(begun)


def told(done: subprocess.CompletedProcess[str]) -> tuple[int, str, list[str]]:
    """Not every line of a traceback: above its program are the frames of what prepared it."""
    return done.returncode, done.stdout, done.stderr.splitlines()[-1:]


def test_a_module_is_run_as_the_main_one(prepared_python: PreparedPython, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import sys\nprint(__name__, sys.modules['__main__'].__spec__.name, sys.argv[1:])"
    )
    done = prepared_python.run(["-m", "mine", "a"], cwd=tmp_path, env=dict(os.environ))
    assert (done.stdout, done.stderr, done.returncode) == ("__main__ mine ['a']\n", "", 0)


def test_it_finds_modules_where_the_environment_says(prepared_python: PreparedPython, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "beside.py").write_text("here = True")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = prepared_python.run(["-c", "import beside; print(beside.here)"], cwd=tmp_path, env=environment)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_nothing_of_one_process_reaches_the_next(prepared_python: PreparedPython, tmp_path: Path) -> None:
    def run(program: str) -> str:
        return prepared_python.run(["-c", program], cwd=tmp_path, env=dict(os.environ)).stdout

    run("import os, json, sys; os.chdir('/'); json.dumps = None; sys.left = 1; os.environ['LEFT'] = '1'")
    seen = run("import os, json, sys; print(os.getcwd(), json.dumps(1), hasattr(sys, 'left'), 'LEFT' in os.environ)")
    assert seen == f"{tmp_path} 1 False False\n"


ECHO = "import sys\nfor line in sys.stdin: print(line[::-1].strip(), flush=True)"


def test_one_that_goes_on_is_talked_to_and_ended(prepared_python: PreparedPython) -> None:
    process = prepared_python.start(["-c", ECHO])
    for word in ("one", "two"):
        print(word, file=process.stdin, flush=True)
        assert process.stdout.readline() == f"{word[::-1]}\n"
    assert process.poll() is None
    with pytest.raises(TimeoutError):
        process.wait(0)
    process.end()
    assert process.wait() == process.poll() == -signal.SIGKILL


def test_one_is_waited_for_until_it_ends_by_itself(prepared_python: PreparedPython) -> None:
    process = prepared_python.start(["-c", f"{ECHO}\nsys.exit(3)"])
    process.stdin.close()
    assert process.wait(60) == 3
    process.send_signal(signal.SIGTERM)  # nobody else has its number by now
    process.end()


def test_one_is_sent_signals(prepared_python: PreparedPython) -> None:
    process = prepared_python.start(["-c", ECHO])
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    process.end()
