"""Told apart from an executor's failure: that the process is asked to stop while the executor runs.

A shutdown is raised, and the step executed again when the run is recovered. An executor's own ``sys.exit()`` is its
failure. Which of the two a SystemExit is, says where it was raised: by a handler of signals, which Python calls between
any two instructions of the main thread, or by a function that the executor called.
"""

from collections.abc import Iterator
from inspect import CO_VARARGS
from itertools import pairwise
from types import FrameType, TracebackType


def find_shutdown(error: BaseException, handled: BaseException | None) -> BaseException | None:
    """The shutdown that an executor's error is, or that led to it, as where cleaning up on the way out has failed.

    ``handled`` is the error that was being handled before: the caller may clean up after a shutdown of its own. A
    cancelled task is no shutdown: only who awaits it knows whether it was cancelled from outside.
    """
    if isinstance(error, GeneratorExit):
        return error
    return next((each for each in _led_to(error, handled) if _is_shutdown(each)), None)


def _is_shutdown(error: BaseException) -> bool:
    if isinstance(error, Exception):
        return False
    return isinstance(error, KeyboardInterrupt) or _is_from_signal_handler(error.__traceback__)


def _led_to(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """The error, those in the midst of whose handling it was raised, and the members of groups among them."""
    pending, seen = [error], {id(handled)}
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += (other for other in (each.__context__, each.__cause__) if other is not None)
            if isinstance(each, BaseExceptionGroup):
                pending += each.exceptions


def _is_from_signal_handler(trace: TracebackType | None) -> bool:
    """Whether one of the frames is that of a handler of signals, also of one that has been replaced meanwhile."""
    while trace is not None and trace.tb_next is not None:
        if _handles_signal(trace.tb_next.tb_frame, trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def _handles_signal(frame: FrameType, caller: FrameType) -> bool:
    """Whether it was given what a handler is given: the signal's number, and the frame that it has interrupted."""
    code, values = frame.f_code, frame.f_locals
    given = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & CO_VARARGS:
        given += values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount]) or ()
    return any(isinstance(number, int) and interrupted is caller for number, interrupted in pairwise(given))
