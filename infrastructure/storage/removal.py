"""Removing streams: the one transaction in which events may be deleted."""

from collections.abc import Iterable, Sequence
from typing import Final

from ...domain.ports import Write
from ...domain.retention import LEGAL_HOLDS
from ...domain.values.ids import workflow_stream
from .callers import CallersConnection
from .errors import translate_errors
from .event_store import LedgerEventStore
from .inside import InsideEventStore
from .removal_table import RemovalTable, RemovedStream, as_rows

_OF_STREAMS: Final = (
    "delete_events",
    "delete_runs",
    "delete_work_orders",
    "delete_changes",
    "delete_given_up",
)
"""In the order in which appends lock the tables, so that there are no deadlocks."""

_OF_SEARCH: Final = ("stop_search", "delete_search_words", "delete_search", "delete_steps", "delete_failures")
"""Who keeps a page of the log is waited for first, and sees behind this that events of it are gone."""

_OF_WORKFLOWS: Final = ("delete_workflows", "delete_saves")
"""What lists know of them."""


def remove(
    store: LedgerEventStore,
    table: RemovalTable,
    removed: Sequence[RemovedStream],
    positions: Sequence[int],
    record: Write,
    holds_version: int,
) -> tuple[str, ...]:
    """Delete streams, and what lists know of them, and append the record of it, in one commit.

    Nothing is done where one of them isn't as it was decided on any more: has more events by now, or none, or another
    run began with one of them, or a work order is of a workflow among them. Those are returned; the stream of legal
    holds is, where that isn't at ``holds_version`` any more. None are where all of it is done.
    """
    streams, events = [each.stream for each in removed], {each.stream: each.events for each in removed}
    given = table.as_list(streams)
    prefix = workflow_stream("")
    workflows = [stream.removeprefix(prefix) for stream in streams if stream.startswith(prefix)]
    numbers = table.as_list(positions)
    try:
        with translate_errors(), table.removing() as (connection, execute):
            InsideEventStore(store, CallersConnection(connection)).append(record)
            execute("keep_removed", rows=as_rows(removed))
            found = dict(execute("heads_of", streams=given))  # fewer where somebody else has removed some
            _refuse_changed(stream for stream in streams if found.get(stream) != events[stream])
            for name in _OF_STREAMS:
                execute(name, streams=given)
            for name in _OF_WORKFLOWS if workflows else ():
                execute(name, workflows=table.as_list(workflows))
            for name in _OF_SEARCH:
                execute(name, streams=given, positions=numbers)
            # Whoever was appending to one of them meanwhile is done after this, and nobody follows.
            execute("stop_writers")
            execute("delete_checkpoints", streams=given)
            _refuse_changed(stream for stream, _ in execute("heads_of", streams=given))
            heads = dict(execute("heads_of", streams=table.as_list([LEGAL_HOLDS])))
            _refuse_changed([] if heads.get(LEGAL_HOLDS, 0) == holds_version else [LEGAL_HOLDS])
            _refuse_changed(run for (run,) in execute("sources_among", streams=given))
            if workflows:
                used = execute("used_among", workflows=table.as_list(workflows))
                _refuse_changed(workflow_stream(workflow) for (workflow,) in used)
    except _Changed as changed:
        return changed.streams
    store.forget_heads(streams)
    return ()


class _Changed(Exception):
    def __init__(self, streams: tuple[str, ...]) -> None:
        self.streams = streams
        super().__init__(streams)


def _refuse_changed(streams: Iterable[str]) -> None:
    if changed := tuple(streams):
        raise _Changed(changed)
