"""Telling an executor that it works in vain: the run was cancelled, held or taken over, or its time is over."""

from collections.abc import Callable
from threading import TIMEOUT_MAX, Event
from typing import Final

from ..live import Unpicklable

CANCELLED: Final = "cancelled"
HELD: Final = "held"
TAKEN_OVER: Final = "taken over"
TIMED_OUT: Final = "timed out"
INTERRUPTED: Final = "interrupted"


class StepCancellation(Unpicklable):
    """Whether a step is to stop, and why. An executor that takes long asks now and then, or waits with it.

    Any thread may ask and wait.
    """

    _send_instead = "send what it says, and tell the other process by means of its own"

    __slots__ = ("_is_heard", "_listeners", "_reason")

    def __init__(self) -> None:
        self._reason: str | None = None
        self._is_heard = False
        self._listeners: list[Callable[[str], object]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._reason or 'not set'}>"

    @property
    def reason(self) -> str | None:
        """``"cancelled"``, ``"held"``, ``"taken over"``, ``"timed out"`` or ``"interrupted"``; None: go on."""
        if self._reason is not None:
            self._is_heard = True
        return self._reason

    def is_set(self) -> bool:
        """Return whether the step is to stop."""
        return self.reason is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait in place of ``time.sleep``, and return whether the step is to stop: at once where it is.

        ``seconds``: how long at most; None: until it is.
        """
        if self.is_set():
            return True
        told = Event()

        def tell(_: str) -> None:
            told.set()

        self._listeners.append(tell)
        try:
            # It may have been set before this listener was there. Who sets it from here on finds the listener.
            return self.is_set() or told.wait(None if seconds is None else min(seconds, TIMEOUT_MAX))
        finally:
            self._listeners.remove(tell)


class Cancellation(StepCancellation):
    """What whoever executes a run tells its steps with.

    It takes no lock, so a handler of signals may set it as well as any thread.
    """

    __slots__ = ("_outer",)

    def __init__(self, outer: "Cancellation | None" = None) -> None:
        """``outer``: that of the run, where this one is of a step that may also be told to stop by itself."""
        super().__init__()
        self._outer = outer
        if outer is not None:
            outer.add_listener(self.set)

    def detach(self) -> None:
        """The step is over: it isn't told any more what its run is told."""
        if self._outer is not None:
            self._outer.remove_listener(self.set)

    def set(self, reason: str) -> None:
        """Tell the step to stop. The first reason stays, but a hold gives way to any other."""
        if self._reason in (None, HELD) and self._reason != reason:
            self._reason = reason
            for listener in tuple(self._listeners):
                self._is_heard = True
                listener(reason)

    @property
    def is_heard(self) -> bool:
        """Whether the step knows: what it returns may be what one returns that was told to stop."""
        return self._is_heard

    def end_hold(self) -> None:
        """The run was released before it came to a halt: it goes on, and the next step isn't told to stop."""
        if self._reason == HELD:
            self._reason = None

    def add_listener(self, listener: Callable[[str], object]) -> None:
        """Call it with each reason that is set, in the thread that sets it; at once where one is. Maybe twice."""
        self._listeners.append(listener)
        reason = self._reason  # after the listener is there: who sets one meanwhile calls it, or is seen here
        if reason is not None:
            listener(reason)

    def remove_listener(self, listener: Callable[[str], object]) -> None:
        """Don't call it any more. Raises ValueError where it isn't there."""
        self._listeners.remove(listener)
