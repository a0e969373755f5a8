"""Checkpoints of a run: the state at one version, and the results since the checkpoint before."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...domain.ports import EncodedRow, RowDecoder
from ...domain.run import RunState
from ...domain.run.context import Context
from ...domain.run.results import Pruned
from ...domain.values.json import freeze
from ...domain.values.used_keys import UsedKey, keys_after, with_key

_READ_ONLY = ("metadata", "extra", "retry_extra")
_PLAIN = tuple(name for name in vars(RunState()) if name not in ("context", "keys", "run_id", *_READ_ONLY))
_OF_A_RESULT = (
    "node_id",
    "output",
    "error",
    "attempt",
    "started_at",
    "finished_at",
    "recorded_at",
    "recorded",
    "extra",
)
_OF_A_FAILURE = (*_OF_A_RESULT, "next_node_id")


def checkpoint_of(state: RunState, since: RunState | None = None) -> dict[str, Any]:
    """The state, and under ``results`` and ``keys`` what was added since an earlier state, or since the beginning.

    Reused results belong to the run's source, and are in no checkpoint.

    Raises EventNotReadable for a result that can't be read.
    """
    history, first = state.context.history, max(state.reused, since.context.count if since else 0)
    return {
        **{name: getattr(state, name) for name in _PLAIN},
        **{name: getattr(state, name) for name in _READ_ONLY},
        "after": since.version if since else 0,
        "pruned": None if history.pruned is None else list(history.pruned),
        "order_counts": history.order_counts,
        "keys": [[key, *used] for key, used in keys_after(state.keys, since.version if since else 0)],
        "results": [
            {key: entry[key] for key in (_OF_A_FAILURE if "error" in entry else _OF_A_RESULT) if key in entry}
            for entry in map(history.__getitem__, range(first, state.context.count))
        ],
    }


def apply_checkpoint(
    state: RunState, checkpoint: Mapping[str, Any], results: Sequence[EncodedRow], decoder: RowDecoder
) -> None:
    """Take the state, which is at the checkpoint's ``after``, to the version of the checkpoint."""
    for name in _PLAIN:
        setattr(state, name, checkpoint[name])
    for name in _READ_ONLY:
        setattr(state, name, freeze(checkpoint[name]))
    for key, *used in checkpoint["keys"]:
        state.keys = with_key(state.keys, key, UsedKey(*used))
    context = state.context
    count = (
        context.count if checkpoint["after"] else state.reused
    )  # a fork may have replaced the last one of its source
    if (pruned := checkpoint["pruned"]) is not None and context.history.pruned is None:
        context.history.pruned = Pruned(*pruned)
    context.history.order_counts |= checkpoint["order_counts"]
    history = context.history.extend_encoded(count, results, decoder)
    state.context = Context(history, count + len(results))
