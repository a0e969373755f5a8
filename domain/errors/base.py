"""The root of the error tree, its branches, and how errors are copied and told."""

import copyreg
from typing import Any

from ..visible import visible_lines


def reduce_error(error: BaseException) -> tuple[Any, ...]:
    """How an error is pickled and copied: it is restored from its attributes.

    By default Python calls the class with the message, which fails for classes with arguments of their own. Traceback
    and context are not pickled, as with every error, nor is a cause that may not be readable elsewhere.
    """
    kept: Any = error.__getstate__()
    attributes, slots = kept if isinstance(kept, tuple) else (kept, None)
    state = {**(attributes or {}), **(slots or {}), "args": error.args}
    if error.__cause__ is not None and _is_portable(error.__cause__):
        state["__cause__"] = error.__cause__
    return copyreg.__newobj__, (type(error), *error.args), state  # type: ignore[attr-defined]


def raw_message(error: BaseException) -> str:
    """The message without escapes, to mask secrets in it or to record it. It is escaped where it is shown."""
    return BaseException.__str__(error) if isinstance(error, FlowledgerError) else str(error)


def _is_portable(cause: BaseException) -> bool:
    """Whether it can be unpickled anywhere: an error of ours, or a built-in one with plain arguments."""
    if isinstance(cause, FlowledgerError):
        return True
    has_plain_args = all(isinstance(arg, str | int | float | None) for arg in cause.args)
    return type(cause).__module__ == "builtins" and has_plain_args and vars(cause).keys() <= {"__notes__"}


class FlowledgerError(Exception):
    """Base of every error that flowledger raises on purpose. Its message shows control characters as escapes."""

    def __str__(self) -> str:
        return visible_lines(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_error(self)


class InvalidRequest(FlowledgerError):
    """The call is wrong; nothing was written."""


class NotFound(FlowledgerError, LookupError):
    """Something that the caller asked for by name doesn't exist."""


class Conflict(FlowledgerError):
    """What is stored stands in the way, usually because another writer was faster; this call wrote nothing."""


class IllegalTransition(FlowledgerError):
    """The command isn't possible in the state of the run or workflow; nothing was written."""
