"""Runs and work orders named by the beginning or the end of their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .....domain.errors import InvalidRequest
from ...presentation.inputs import split_version

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger
    from ....queries.index.ids import IdOf

MOST_NAMED = 10
"""Ids that the message of an ambiguous one names."""


def find_run(ledger: Ledger, text: str) -> str:
    """The id of the run that ``text`` names, whole or by its beginning or end.

    What no run's id begins or ends with is returned as it is: whoever reads the run says that it isn't there. Raises
    InvalidRequest where several runs have it.
    """
    return _find(ledger, text, "run")


def find_run_at(ledger: Ledger, text: str) -> tuple[str, int | None]:
    """The same for ``RUN@VERSION``, and the version. Raises InvalidRequest for what is no version, too."""
    named, version = _split_run(text)
    return find_run(ledger, named), version


def find_run_or_order(ledger: Ledger, text: str) -> str:
    """The same where a work order may be named instead of a run, or any other stream."""
    return _find(ledger, text, "run", "work_order")


def find_run_or_order_at(ledger: Ledger, text: str) -> tuple[str, int | None]:
    """The same for ``RUN@VERSION``, and the version. Raises InvalidRequest for what is no version, too."""
    named, version = _split_run(text)
    return find_run_or_order(ledger, named), version


def find_work_order(ledger: Ledger, text: str) -> str:
    """The same for a work order."""
    return _find(ledger, text, "work_order")


def _split_run(text: str) -> tuple[str, int | None]:
    from ....queries.index.ids import is_part  # as below

    named, version = split_version(text)
    before, at, behind = named.rpartition("@")
    if version is None and at and is_part(before):
        raise InvalidRequest(f"{text!r}: a run's version is a number, as in {before}@3, and not {behind!r}")
    return named, version


def _find(ledger: Ledger, text: str, *kinds: IdOf) -> str:
    from ....queries.index.ids import WHOLE, is_part  # with storage, which --help does without

    if not is_part(text) or len(text) == WHOLE:
        return text
    for kind in kinds:
        found = ledger.history.ids(text, kind, MOST_NAMED + 1)
        if len(found) > 1:
            named = "".join(f"\n  {id}" for id in found[:MOST_NAMED])
            more = "\n  and others" if len(found) > MOST_NAMED else ""
            several = f"the ids of several {kind.replace('_', ' ')}s"
            raise InvalidRequest(
                f"{several} begin or end with {text!r}; give more of the one that is meant:{named}{more}"
            )
        if found:
            return found[0]
    return text
