"""Python in a child with limits of memory and processor time: what exceeds them ends the child, not the tests."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

MEMORY = 3 * 2**29
"""Bytes of address space: the interpreter, the packages, and 1 GB to work in."""

PROCESSOR_SECONDS = 8
"""Well over what the page of limits promises, on a machine that may be busy."""


def _limit(memory: int, seconds: int) -> Callable[[], None]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit


def run_limited(
    program: str, *arguments: object, memory: int = MEMORY, seconds: int = PROCESSOR_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a program, given as text, to its end: its exit status, negative for the signal that ended it, and its words.

    ``arguments`` are what it finds in ``sys.argv[1:]``, as JSON where they are no text.
    """
    listed = [argument if isinstance(argument, str) else json.dumps(argument) for argument in arguments]
    return subprocess.run(
        [sys.executable, "-", *listed],
        input=program, capture_output=True, text=True, check=False, preexec_fn=_limit(memory, seconds),
    )  # fmt: skip


class LimitedChild:
    """A child that answers questions one after the other, each with so many seconds of the processor.

    ``program`` defines ``answer(question)``; question and answer are JSON.
    """

    def __init__(self, program: str, memory: int = MEMORY, seconds: int = PROCESSOR_SECONDS) -> None:
        self._command = [sys.executable, "-c", program + _ANSWERING, str(seconds)]
        self._limit = _limit(memory, seconds)
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._child is not None:
            self._child.communicate()
            self._child = None
            self._words.close()

    def ask(self, question: Any) -> Any:
        """The answer. Raises AssertionError with how the child ended, where it did; the next question has a new one."""
        if self._child is None:
            pipe = subprocess.PIPE
            self._words = TemporaryFile("w+")  # noqa: SIM115 - until the child ends; a pipe that nobody reads would stop it in the end
            self._child = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=self._words, text=True, preexec_fn=self._limit
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()
        answered = self._child.stdout.readline()
        if not answered:
            status = self._child.wait()
            self._words.seek(0)
            words = self._words.read()[-500:]
            self._stop()
            raise AssertionError(f"the child ended with {status}: {words}")
        return json.loads(answered)


_ANSWERING = """
import json as _json, resource as _resource, sys as _sys
for _line in _sys.stdin:
    _used = _resource.getrusage(_resource.RUSAGE_SELF)
    _until = int(_used.ru_utime + _used.ru_stime) + 1 + int(_sys.argv[1])
    _resource.setrlimit(_resource.RLIMIT_CPU, (_until, _resource.RLIM_INFINITY))
    print(_json.dumps(answer(_json.loads(_line))), flush=True)
"""
