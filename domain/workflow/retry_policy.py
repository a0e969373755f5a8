"""When a failed step is tried again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from ..errors import (
    LONGEST_DELAY,
    ExpressionError,
    Fault,
    InputInvalid,
    InvalidDefinition,
    InvalidValue,
    NonRetryable,
    RetryLater,
)
from ..visible import quoted

Backoff = Literal["fixed", "exponential"]

ErrorKind = type[BaseException] | str
"""An exception class, or the name of one."""

FATAL = (NonRetryable, ExpressionError, InputInvalid, InvalidValue)
"""What no retry can change: definition, input or code alone decide the outcome."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_retries`` tries after the first one; numbers may be given as text (``"3"``).

    ``on`` and ``never`` take exception classes and names of them: that of a class matches errors of classes derived
    from it, too, and may be written with its module. A group of errors is retried where ``on`` has all of them, and
    ``never`` none. What ``NonRetryable``, a faulty expression or an invalid input fails isn't retried at all.

    Raises InvalidDefinition for anything that isn't a number in range, an exception, or a backoff that is known.
    """

    max_retries: int = 3
    interval: float = 1.0
    """Seconds before the first retry, up to ten years."""
    backoff: Backoff = "fixed"
    """``fixed``: always ``interval``; ``exponential``: ``factor`` times as long after each attempt."""
    jitter: float = 0.0
    """By how much chance may shorten or lengthen a delay, as a part of it, 0 to 1."""
    max_interval: float | None = None
    """The longest delay, in seconds, up to ten years."""
    factor: float = 2.0
    """By how much an exponential delay grows, 1 or more."""
    on: Sequence[ErrorKind] = ()
    """Only failures of these kinds are retried; empty: all that can be."""
    never: Sequence[ErrorKind] = ()
    """Failures of these kinds aren't retried, whatever ``on`` says."""

    def __post_init__(self) -> None:
        faults: list[Fault] = []

        def number(name: str, least: float, most: float = math.inf) -> float:
            given = getattr(self, name)
            try:
                value = float(given) if not isinstance(given, bool) else math.nan
            except (TypeError, ValueError, OverflowError):
                value = math.nan
            if not (math.isfinite(value) and least <= value <= most):
                span = f"a number from {least:g} to {most:.12g}" if most < math.inf else f"a number, {least:g} or more"
                faults.append(Fault(f"retry.{name}", f"{quoted(given)} is not {span}"))
                return least
            return value

        max_retries = number("max_retries", 0)
        if max_retries != int(max_retries):
            faults.append(Fault("retry.max_retries", f"{quoted(self.max_retries)} is not a whole number"))
        object.__setattr__(self, "max_retries", int(max_retries))
        object.__setattr__(self, "interval", number("interval", 0, LONGEST_DELAY))
        object.__setattr__(self, "jitter", number("jitter", 0, 1))
        object.__setattr__(self, "factor", number("factor", 1))
        if self.max_interval is not None:
            object.__setattr__(self, "max_interval", number("max_interval", 0, LONGEST_DELAY))
        if self.backoff not in ("fixed", "exponential"):
            faults.append(Fault("retry.backoff", f"{quoted(self.backoff)} is unknown; use 'fixed' or 'exponential'"))
        for name in ("on", "never"):
            kinds = _listed(getattr(self, name))
            if kinds is None:
                faults.append(Fault(f"retry.{name}", _NO_LIST.format(quoted(getattr(self, name)))))
                continue
            object.__setattr__(self, name, kinds)
            faults += _faults_of_kinds(f"retry.{name}", kinds)
            if name == "on":
                faults += _fatal_kinds(kinds)
        if faults:
            raise InvalidDefinition(faults)

    def allows(self, attempt: int) -> bool:
        """Whether a failure of this attempt (1 for the first) is followed by another."""
        return attempt <= self.max_retries

    def covers(self, error: BaseException) -> bool:
        """Whether ``on`` and ``never`` let this error be retried. What asks for a retry by itself needs no ``on``."""
        if any(_is_of(each, self.never) for each in (error, *_members(error))):
            return False
        if not self.on or isinstance(error, RetryLater) or _is_of(error, self.on):
            return True
        members = [*_members(error)]
        return bool(members) and all(_is_of(each, self.on) for each in members)

    def delay(self, attempt: int, chance: float = 0.5) -> float:
        """Seconds to wait after this attempt failed.

        ``chance``, from 0 to 1, says where in the span of the jitter; that span ends at the longest delay, so retries
        stay spread when they have reached it.
        """
        # Exponential delays outgrow the calendar after some fifty attempts.
        longest = LONGEST_DELAY if self.max_interval is None else self.max_interval
        wait = min(self._grown(attempt - 1) if self.backoff == "exponential" else self.interval, longest)
        least, most = wait * (1 - self.jitter), min(wait * (1 + self.jitter), longest)
        return min(least + (most - least) * chance, most)  # which rounding may exceed

    def _grown(self, times: int) -> float:
        try:
            return self.interval * self.factor**times
        except OverflowError:
            return math.inf if self.interval else 0.0


_NO_LIST = "{} is no list of exceptions: write a tuple, such as (TimeoutError,), or a list of names in JSON"


def _listed(given: Any) -> tuple[Any, ...] | None:
    return tuple(given) if isinstance(given, list | tuple | set | frozenset) else None


def _faults_of_kinds(path: str, kinds: Sequence[Any]) -> Iterator[Fault]:
    for index, kind in enumerate(kinds):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)) and not (isinstance(kind, str) and kind):
            yield Fault(f"{path}[{index}]", f"{quoted(kind)} is neither an exception class nor the name of one")


def _fatal_kinds(on: Sequence[Any]) -> Iterator[Fault]:
    for index, kind in enumerate(on):
        if isinstance(kind, type) and issubclass(kind, FATAL):
            yield Fault(f"retry.on[{index}]", f"a step that failed with {kind.__name__} is never retried: leave it out")


def _is_of(error: BaseException, kinds: Sequence[ErrorKind]) -> bool:
    """Whether the error is of one of the kinds, by its class or by the name of a class that it is derived from."""
    for kind in kinds:
        if isinstance(kind, type):
            if isinstance(error, kind):
                return True
        elif any(kind in (base.__name__, f"{base.__module__}.{base.__qualname__}") for base in type(error).__mro__):
            return True
    return False


def _members(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, also of groups inside it; none of any other error."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            if isinstance(each, BaseExceptionGroup):
                yield from _members(each)
            else:
                yield each


_KEYS = {
    "".join((part.capitalize() if index else part) for index, part in enumerate(f.name.split("_"))): f.name
    for f in fields(RetryPolicy)
}


def policy_from_json(value: Any, path: str) -> RetryPolicy:
    """A policy as a definition gives it (``maxRetries``, ``interval`` in seconds, …). Raises InvalidDefinition."""
    if not isinstance(value, Mapping):
        raise InvalidDefinition([Fault(path, f"{quoted(value)} is not an object")])
    unknown = [
        Fault(f"{path}.{key}", f"unknown key; known are {', '.join(_KEYS)}") for key in value if key not in _KEYS
    ]
    try:
        policy = RetryPolicy(**{_KEYS[key]: item for key, item in value.items() if key in _KEYS})
    except InvalidDefinition as error:
        unknown += [Fault(fault.path.replace("retry", path, 1), fault.message) for fault in error.faults]
    if unknown:
        raise InvalidDefinition(unknown)
    return policy  # pyright: ignore[reportPossiblyUnboundVariable] - bound unless the constructor added a fault


def policy_of(node: Mapping[str, Any], path: str) -> RetryPolicy | None:
    """The policy of a node, told of its JSON: its ``retry``, or ``metadata.retry``, as it was called before.

    Raises InvalidDefinition, also where it has both.
    """
    metadata, retry = node.get("metadata"), node.get("retry")
    if not isinstance(metadata, Mapping) or "retry" not in metadata:
        return None if retry is None else policy_from_json(retry, f"{path}.retry")
    if retry is not None:
        raise InvalidDefinition([Fault(f"{path}.retry", "the node has one under metadata.retry as well: keep one")])
    return policy_from_json(metadata["retry"], f"{path}.metadata.retry")
