"""Log lines of one step: recorded with its event, and passed on to the application's own logging."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, cast

from ..errors import raw_message
from ..events.envelope import LogLine
from ..masking import Masker
from ..visible import quoted
from .recordable import recordable, stand_in

APPLICATION = logging.getLogger("flowledger.steps")
"""Gets each line of each step, masked, for the application's handlers."""


class StepLog(logging.Logger):
    """A logger that keeps its lines, and those of its children. Everything from DEBUG up is kept; the application's
    levels rule what it prints.

    Filters decide what is kept, those of a logger also what its children log. What is logged after the step's end isn't
    recorded any more, but passed on with a warning.
    """

    def __init__(
        self,
        name: str,
        lines: "_Lines",
        masker: Masker,
        fields: Mapping[str, Any],
        parent: "StepLog | None" = None,
    ) -> None:
        super().__init__(name, logging.DEBUG if parent is None else logging.NOTSET)
        self._lines = lines
        self._masker = masker
        self._fields = fields
        self._children: dict[str, StepLog] = {}
        self.parent = parent

    def getChild(self, suffix: str) -> "StepLog":  # noqa: N802 - logging's name
        """The logger whose name ends so. Its lines are recorded as well; its level is this one's unless it is set."""
        child = StepLog(f"{self.name}.{suffix}", self._lines, self._masker, self._fields, self)
        return self._children.setdefault(suffix, child)

    def handle(self, record: logging.LogRecord) -> None:
        """Keep the line, and pass it on."""
        for logger in self._family():
            # A filter may also answer with another record, since Python 3.12.
            passed = cast("Any", not logger.disabled and logger.filter(record))
            if not passed:
                return
            record = passed if isinstance(passed, logging.LogRecord) else record
        if not self._lines.keep(record.levelname, _text_of(record)):
            self._lines.warn_once()
        self._pass_on(record)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether lines of this level are kept; the application may have switched its own logging off."""
        return level >= self.getEffectiveLevel()

    def end(self) -> list[LogLine]:
        """The lines so far; from here on none is kept."""
        return self._lines.end()

    def _family(self) -> Iterator["StepLog"]:
        """This logger and those above it, as far as they are the step's."""
        logger: logging.Logger | None = self
        while isinstance(logger, StepLog):
            yield logger
            logger = logger.parent

    def _pass_on(self, record: logging.LogRecord) -> None:
        told = masked_record(record, self._masker) if self._masker.has_secrets else record
        for name, value in self._fields.items():
            vars(told).setdefault(name, value)  # the executor's own ``extra`` goes first
        for logger in self._family():
            for handler in logger.handlers:
                if record.levelno >= handler.level:
                    handler.handle(told)
            if not logger.propagate:
                return
        if APPLICATION.isEnabledFor(record.levelno):
            APPLICATION.handle(told)


class _Lines:
    """What a step has logged, shared by its loggers. May be used by several threads."""

    __slots__ = ("_kept", "_now", "_owner", "_warned")

    def __init__(self, owner: str, now: Callable[[], int]) -> None:
        self._owner = owner
        self._now = now
        self._warned = False
        self._kept: list[LogLine] | None = []

    def keep(self, level: str, message: str) -> bool:
        """Keep a line; False where the step has ended, or ends just now."""
        kept = self._kept
        if kept is None:
            return False
        kept.append({"at": self._now(), "level": level, "message": message})
        return self._kept is kept

    def end(self) -> list[LogLine]:
        kept, self._kept = self._kept, None
        return [] if kept is None else kept

    def warn_once(self) -> None:
        if not self._warned:
            self._warned = True
            APPLICATION.warning("%s goes on logging after its step has ended: that isn't recorded", self._owner)


def step_log(fields: Mapping[str, Any], now: Callable[[], int], masker: Masker) -> StepLog:
    """The logger of a step. ``fields`` are the attributes of each record that is passed on: ``node``, ``run_id`` and
    more. ``now`` returns microseconds since 1970.
    """
    node_id, run_id = fields["node"], fields["run_id"]
    owner = f"node {quoted(node_id)}" + ("" if run_id is None else f" of run {run_id}")
    return StepLog(f"flowledger.steps.{node_id}", _Lines(owner, now), masker, fields)


def masked_record(record: logging.LogRecord, masker: Masker) -> logging.LogRecord:
    """The record for the application's handlers, with no secret in any of its texts or attributes."""
    told = copy(record)
    told.msg, told.args = recordable(_message_of(record), masker), ()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        told.exc_info = stand_in(type(error), recordable(_shown(error), masker))
    if trace := _traceback_of(record):
        told.exc_text = recordable(trace, masker)
    if record.stack_info:
        told.stack_info = recordable(record.stack_info, masker)
    for name, value in vars(record).items():
        if name not in _OWN_ATTRIBUTES:
            setattr(told, name, _masked(value, masker))
    return told


_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes of a record that logging sets; others are the caller's ``extra``."""


def _masked(value: Any, masker: Masker) -> Any:
    if isinstance(value, dict | list | tuple):
        try:
            value = json.loads(json.dumps(value, default=_shown))
        except (ValueError, TypeError, RecursionError):  # it holds itself, or its keys are no texts
            value = _shown(value)
    elif value is not None and not isinstance(value, str | bool | int | float):
        value = _shown(value)
    return masker.value(value)


def _text_of(record: logging.LogRecord) -> str:
    """The line as it is recorded, with traceback and stack."""
    return "\n".join(part for part in (_message_of(record), _traceback_of(record), record.stack_info) if part)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - as in logging itself, a bad format fails no caller
        return f"{record.msg!r} % {record.args!r} ({type(error).__name__}: {error})"


def _traceback_of(record: logging.LogRecord) -> str | None:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else record.exc_text


def _shown(value: Any) -> str:
    try:
        return raw_message(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # noqa: BLE001 - what an executor hands to its logger may be anything
        return f"(it can't be shown: {type(error).__name__})"
