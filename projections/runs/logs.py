"""The lines that executors logged in a run: those of a level and with some words, by their numbers, and as text."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, get_args

from ...domain.visible import visible_lines
from .attempts import Attempt, LogEntry

Level = Literal["debug", "info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class NumberedLine(NamedTuple):
    """A line and its number among all of its attempt, from 1."""

    number: int
    line: LogEntry


def matching_lines(lines: Sequence[LogEntry], level: Level = "debug", text: str = "") -> list[NumberedLine]:
    """Those at a level, or above it, that contain a text, in capitals or not. Levels of others' are always taken."""
    least, sought = LEVELS.index(level), text.casefold()
    return [
        NumberedLine(number, line)
        for number, line in enumerate(lines, 1)
        if _rank(line.level) >= least and sought in line.message.casefold()
    ]


def _rank(level: str) -> int:
    return next((rank for rank, known in enumerate(LEVELS) if known == level.lower()), len(LEVELS))


def log_text(attempts: Iterable[Attempt], level: Level = "debug", text: str = "") -> Iterator[str]:
    """The matching lines of these attempts as text: time (UTC), level, node and attempt, message. Each ends its line.

    Characters that steer a terminal are escaped; further lines of a message are indented.
    """
    for attempt in attempts:
        for _, line in matching_lines(attempt.logs, level, text):
            at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            message = visible_lines(line.message).replace("\n", "\n    ")
            yield f"{at} {line.level.lower():<7} {visible_lines(attempt.node_id)}#{attempt.attempt} {message}\n"
