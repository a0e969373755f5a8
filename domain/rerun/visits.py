"""The visits of a run to its nodes: where one began, and what was asked and answered in it."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..errors import InvalidRequest
from ..ports import RecordedEvent
from ..run import PAUSED, STARTED, STEP_COMPLETED, STEP_FAILED, replaced_by
from ..run.events import RESUMED
from ..visible import quoted


class PastAnswer(NamedTuple):
    """An answer that the node had in that visit."""

    reason: str | None
    """What was asked."""
    run_id: str
    version: int
    """Of the event that answered. The run's state behind it has the answer."""


class NodeVisit(NamedTuple):
    """The visit of a run to a node: the results of the ``version`` events recorded before it are reused."""

    run_id: str
    version: int
    answers: tuple[PastAnswer, ...] = ()
    """Oldest first."""


def last_node_visit(node_id: str, backwards: Iterable[RecordedEvent]) -> NodeVisit:
    """The last visit to a node, in the events of a run and of those that it begins with, newest first.

    A visit begins before its first attempt or question, so that the step sees the same payload, and no answer; where
    there is neither, after the event that led to the node. Raises InvalidRequest, with the nodes that were reached.
    """
    begun: tuple[str, int] | None = None
    answers: list[PastAnswer] = []
    answered: RecordedEvent | None = None
    reached: list[str] = []
    missing = f"the run never came to node {quoted(node_id)}"
    replaced: set[tuple[str, int]] = set()
    for event in backwards:
        replaced.update(replaced_by(event))
        if (event.stream, event.version) in replaced:
            continue
        data = event.data
        leads_to = _leads_to(event)
        adopted = data.get("adopted", {})
        if leads_to == node_id:
            if answered is not None and adopted.get("status") == "paused":  # the node had asked elsewhere
                begun = None
                answers.append(PastAnswer(adopted["metadata"].get("pausedReason"), answered.stream, answered.version))
            begun = begun or (event.stream, event.version)
            break
        if isinstance(node_id, str) and node_id in adopted.get("context", {}):
            missing = f"node {quoted(node_id)} ran before the run was adopted, and what it saw isn't on record"
        if event.type in _OUTCOMES and data.get("node_id") == node_id:
            if event.type == PAUSED or data.get("attempt", 1) == 1:
                begun = (event.stream, event.version - 1)
            if event.type == PAUSED and answered is not None:
                answers.append(PastAnswer(data.get("reason"), answered.stream, answered.version))
        elif "given_answer" in data and data["start_node_id"] == node_id:
            begun = None  # with it the visit goes on that began in an earlier run
            answers.append(PastAnswer(None, event.stream, event.version))
        if event.type in _OUTCOMES:
            answered = None
            reached += [data["node_id"]] if "node_id" in data else []
        elif event.type == RESUMED:
            answered = event
        if leads_to is not None:
            reached.append(leads_to)
    if begun is not None:
        return NodeVisit(*begun, tuple(reversed(answers)))
    named = ", ".join(repr(node) for node in dict.fromkeys(reversed(reached)))
    raise InvalidRequest(f"{missing}: it came to {named}")


def check_answers(answers: Collection[str], node_id: str | None, label: str) -> None:
    """Raises InvalidRequest for names of nodes other than the one whose answer can be taken over."""
    if isinstance(answers, str) or not isinstance(answers, Collection):
        raise InvalidRequest(f"answers {quoted(answers)} is no list of nodes: write answers=({quoted(answers)},)")
    if not all(isinstance(node, str) for node in answers):
        raise InvalidRequest(f"answers {quoted(answers)} are the ids of nodes, which are text")
    if others := [node for node in answers if node != node_id]:
        begins = "nothing that was answered" if node_id is None else f"node {quoted(node_id)}"
        raise InvalidRequest(
            f"answers: {', '.join(map(quoted, others))}: {label} begins at {begins}, and takes over no other answer; "
            "other nodes ask again when the run comes to them"
        )


_OUTCOMES = (PAUSED, STEP_COMPLETED, STEP_FAILED)


def _leads_to(event: RecordedEvent) -> str | None:
    """The node that is visited next. A fork continues its source's visit, unless it has an edit, or asks again."""
    data = event.data
    continues = data.get("origin", {}).get("kind") == "fork" and "edited" not in data and "asks_again" not in data
    if event.type == STARTED and (continues or "given_answer" in data):
        return None
    return data.get("next_node_id", data.get("start_node_id"))
