"""A real terminal for programs to run in: a pseudo-terminal, and a screen that draws what they write."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

TIMEOUT = 60
"""Seconds after which a screen that has not appeared counts as missing."""

ALTERNATE_SCREEN, MOUSE, PASTE = "\x1b[?1049", "\x1b[?1000", "\x1b[?2004"
CURSOR = "\x1b[?25"


class Terminal:
    """Runs one command. What it draws is on ``screen``, all that it wrote in ``written``."""

    def __init__(
        self, command: Sequence[str], home: Path, environment: dict[str, str], columns: int, rows: int
    ) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self._slave)
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        self._process = subprocess.Popen(
            command,
            cwd=home,
            env=environment | {"TERM": "xterm-256color"},
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )

    @property
    def screen(self) -> str:
        """What stands on it now."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def until(self, shown: str | Callable[[str], bool]) -> str:
        """Wait until the screen shows a text; returns the screen."""
        fits = shown if callable(shown) else lambda screen: shown in screen
        give_up = time.monotonic() + TIMEOUT
        while not fits(self.screen):
            assert time.monotonic() < give_up, f"never seen: {shown!r}\n{self.screen}"
            assert self._process.poll() is None, f"ended before: {shown!r}\n{self.screen}\n{self.written!r}"
            self._read(0.1)
        return self.screen

    def keys(self, keys: str) -> None:
        """Hit keys."""
        os.write(self._master, keys.encode())

    def send(self, wanted: signal.Signals) -> None:
        """Send the program a signal."""
        self._process.send_signal(wanted)

    def ends(self) -> int:
        """Wait until the program has ended; its exit status."""
        give_up = time.monotonic() + TIMEOUT
        while self._process.poll() is None:
            assert time.monotonic() < give_up, f"does not end\n{self.screen}"
            self._read(0.1)
        self._read(0)
        return self._process.wait()

    def is_as_it_was(self) -> bool:
        """Whether echo, line editing and signals are set as before, and the shell's screen and cursor are back."""
        written = self.written.decode(errors="replace")
        modes = all(written.rfind(f"{mode}l") > written.rfind(f"{mode}h") for mode in (ALTERNATE_SCREEN, MOUSE, PASTE))
        cursor = written.rfind(f"{CURSOR}h") > written.rfind(f"{CURSOR}l")
        return termios.tcgetattr(self._slave) == self.before and modes and cursor

    def close(self) -> None:
        """End the program, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)
        os.close(self._slave)

    def _read(self, patience: float) -> None:
        while select.select([self._master], [], [], patience)[0]:
            part = os.read(self._master, 65_536)
            self.written += part
            self._stream.feed(part)
            patience = 0
