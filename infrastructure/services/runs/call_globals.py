"""The globals of a call: those that it was given, or the ledger's, and whether any is missing."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ....domain.errors import GlobalsMissing, InvalidRequest
from ....domain.events.personal import CLOSED_TEXT
from ....domain.execution.plan import Plan
from ....domain.execution.scoping import NONE_GIVEN, Globals, parse_globals
from ....domain.execution.step_loop import CallSettings
from ....domain.run.events import GivenGlobals
from ....projections.runs.run import Run

if TYPE_CHECKING:
    from ...storage.sealing.subject_keys import SubjectKeys

GlobalsOf = Callable[[Run], Mapping[str, Any] | None]
"""The globals of a run. None: it needs none."""


class LedgerGlobals:
    """The globals that a ledger was opened with, for every call that gives none."""

    def __init__(self, source: Mapping[str, Any] | GlobalsOf | None) -> None:
        """Raises InvalidRequest for what is neither a mapping nor a function that returns one."""
        if _is_async(source) or not (source is None or isinstance(source, Mapping) or callable(source)):
            given = "an async function" if _is_async(source) else type(source).__name__
            raise InvalidRequest(f"globals are a mapping of names, or a plain function from a Run to one, not {given}")
        self._source = source

    def supply(self, settings: CallSettings, run: Callable[[], Run]) -> CallSettings:
        """The settings with the ledger's globals where the caller gave none. ``run``: as it stands.

        Raises InvalidRequest for what are no globals, and whatever the application's function raises.
        """
        source = self._source
        if source is None or settings.globals is not NONE_GIVEN:
            return settings
        given = source if isinstance(source, Mapping) else source(run())
        return settings._replace(globals=parse_globals({} if given is None else given))


def _is_async(source: object) -> bool:
    return inspect.iscoroutinefunction(source) or inspect.iscoroutinefunction(getattr(source, "__call__", None))  # noqa: B004


def refuse_missing(plan: Plan, version: tuple[str, int], node_id: str | None, globals: Globals) -> None:
    """Raises GlobalsMissing where a run that goes on at this node may come to one that reads what isn't given.

    ``version``: the id of the workflow, and the version of it that the plan is of.
    """
    readers = {} if node_id is None else plan.readers_of_globals(node_id)
    if readers and (missing := readers.keys() - globals.values.keys()):
        raise GlobalsMissing(*version, {name: readers[name] for name in missing})


def describe_given(given: Mapping[str, Any], keys: "SubjectKeys | None", now: int) -> dict[str, GivenGlobals]:
    """What the event of a claim says of the globals that the run's nodes are given; nothing where there are none.

    ``keys`` has the key for their fingerprints. Raises StorageUnavailable, StorageCorrupt.
    """
    if not given:
        return {}
    found = CLOSED_TEXT if keys is None else keys.fingerprints(now)
    if isinstance(found, str):
        return {"globals": {"fingerprints": {}, "others": [_text(name) for name in given], "without_key": found}}
    key_id, fingerprints = found
    told: GivenGlobals = {"fingerprints": {}, "key": key_id}
    others: list[str] = []
    for name, value in given.items():
        text = _text(name)
        fingerprint = fingerprints.of(text, value)
        if fingerprint is None:
            others.append(text)
        else:
            told["fingerprints"][text] = fingerprint
    return {"globals": {**told, "others": others} if others else told}


def _text(name: str) -> str:
    """The name as JSON can have it: executors may be given globals that no expression can name."""
    return name.encode("utf-8", "backslashreplace").decode()
