"""The seal of the run of which a step is executed now: what the step starts belongs to the same subjects."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_SEAL: Final[ContextVar[Sequence[str]]] = ContextVar("flowledger_seal", default=())


@contextmanager
def sealing_with(key_ids: Sequence[str]) -> Generator[None]:
    """What begins in the block is sealed by these keys, too."""
    token = _SEAL.set(key_ids)
    try:
        yield
    finally:
        _SEAL.reset(token)


def current_seal() -> Sequence[str]:
    """Ids of the keys, in this thread or task; none where no step of a subject's run is executed."""
    return _SEAL.get()
