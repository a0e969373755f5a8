"""Python processes that begin with flowledger imported: each is a fork of one that has done nothing else.

Importing takes half a second of the processor, and the tests of the command line start a thousand processes. What a
process does from there on is its own: its arguments, folder, environment, streams, exit status. Tests of what happens
earlier, or of streams that aren't pipes, start Python themselves.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from select import select
from types import ModuleType, TracebackType
from typing import Self, TextIO

USED = (
    "flowledger.infrastructure.ledger.open",
    "flowledger.infrastructure.ledger.schemes",
    "flowledger.infrastructure.storage.log.recorder",
    "flowledger.infrastructure.storage.memory.open",
    "flowledger.infrastructure.storage.sqlite.open",
    "rich.console",
    "rich.table",
)
"""Modules that nearly all commands import, or many."""

ALL_OF = ("flowledger.infrastructure.interfaces.cli", "flowledger.infrastructure.interfaces.presentation")
"""Packages whose modules each command imports some of."""

ROOT = Path(__file__).parents[1]

LARGEST_REQUEST = 2**17
"""Bytes of arguments and environment; the buffer of a socket holds them."""


class PreparedPython:
    """The process that is forked. Close it by leaving the ``with`` block."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._requests.close()
        self._process.wait()

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], input: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """As ``subprocess.run([sys.executable, *arguments], capture_output=True, encoding="utf-8", …)``.

        ``arguments`` begin with ``-m`` or ``-c``.
        """
        read_err, stderr = os.pipe()
        process = self._begin(arguments, cwd, env, stderr)
        with ThreadPoolExecutor(3) as pool:
            pool.submit(_write_all, process.stdin, input)
            out, err = pool.map(_read_all, (process.stdout, os.fdopen(read_err, encoding="utf-8")))
            return subprocess.CompletedProcess(arguments, process.wait(), out, err)

    def start(
        self, arguments: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] = os.environ
    ) -> "PreparedProcess":
        """As ``subprocess.Popen`` with pipes for stdin and stdout; stderr is this process's."""
        return self._begin(arguments, cwd, env, os.dup(2))

    def _begin(self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], stderr: int) -> "PreparedProcess":
        request = json.dumps([list(arguments), str(cwd), dict(env)]).encode()
        assert len(request) <= LARGEST_REQUEST, "start a process of its own for that"
        stdin, write_in = os.pipe()
        (read_out, stdout), (read_status, status) = os.pipe(), os.pipe()
        theirs = (stdin, stdout, stderr, status)
        socket.send_fds(self._requests, [request], theirs)
        for each in theirs:
            os.close(each)
        return PreparedProcess(write_in, read_out, read_status)


class PreparedProcess:
    """One that goes on, with its pipes."""

    def __init__(self, stdin: int, stdout: int, status: int) -> None:
        self.stdin = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout = os.fdopen(stdout, encoding="utf-8")
        self._status = os.fdopen(status, encoding="ascii")
        self.pid = int(self._status.readline())
        self._ended: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """How it ended: as ``Popen.returncode``. Raises TimeoutError."""
        if self._ended is None:
            if not select([self._status], [], [], timeout)[0]:
                raise TimeoutError(f"process {self.pid} hasn't ended in {timeout:g} s")
            self._ended = int(self._status.readline())
            self._status.close()
        return self._ended

    def poll(self) -> int | None:
        """The same, or None while it goes on."""
        try:
            return self.wait(0)
        except TimeoutError:
            return None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and that is about to be told
                os.kill(self.pid, number)

    def end(self) -> None:
        """Kill it, if it goes on, and close the pipes."""
        self.send_signal(signal.SIGKILL)
        self.wait()
        self.stdout.close()
        with suppress(BrokenPipeError):  # what it was told last, and never read
            self.stdin.close()


def _write_all(stream: TextIO, content: str) -> None:
    with suppress(BrokenPipeError), stream:  # it needn't read all, or anything, of it
        stream.write(content)


def _read_all(stream: TextIO) -> str:
    with stream:
        return stream.read()


# --- the process that is forked ---------------------------------------------------------------------------------------


def _serve(requests: socket.socket) -> list[str]:
    """Fork for each request, and tell how the fork ended. Returns in such forks only: the arguments of the program."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # of those that wait for the forks; nobody waits for them
    while True:
        message, pipes, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 4)
        if not message:
            sys.exit()
        if not os.fork():
            break
        for pipe in pipes:
            os.close(pipe)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    requests.close()
    *streams, status = pipes
    if child := os.fork():
        for stream in streams:
            os.close(stream)
        os.write(status, b"%d\n" % child)
        _, ended = os.waitpid(child, 0)
        os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
        os._exit(0)
    os.close(status)
    arguments, folder, environment = json.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return list(arguments)


def _execute(arguments: list[str]) -> None:
    """Run the program, and end as Python does without tidying up what it was forked with: that takes longer than most
    commands. Where warnings are asked for, Python ends it, as what it then finds unclosed is told.
    """
    status: object = None

    def leave() -> None:
        gc.collect()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # Python tells that, with a status of its own
        if isinstance(status, int):
            os._exit(status)

    if not sys.warnoptions:
        atexit.register(leave)  # the first, so the last that is called
    try:
        _begin(arguments)
        status = 0
    except SystemExit as end:
        status = 0 if end.code is None else end.code
        raise


def _begin(arguments: list[str]) -> None:
    """What ``python ARGUMENTS`` does with a module, or a program in text."""
    option, program, *rest = arguments
    sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = [option, *rest]
    sys.modules["__main__"] = ModuleType("__main__")
    if option == "-m":
        sys.path[0] = os.getcwd()
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = ""
        exec(compile(program, "<string>", "exec"), vars(sys.modules["__main__"]))  # noqa: S102 - as Python would


if __name__ == "__main__":
    for package in map(importlib.import_module, ALL_OF):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    for module in USED:
        importlib.import_module(module)
    gc.freeze()  # else each fork copies what it only looks through for garbage
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it forks: an interrupt of the tests ends it without a word
    program = _serve(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _execute(program)
