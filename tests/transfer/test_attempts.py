"""What an import keeps of results tells the same next attempt as the results themselves, also where runs branch off."""

from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.run.context import Context
from flowledger.domain.run.results import ResultLog
from flowledger.infrastructure.transfer.stream_validators import _Attempts

NODES = "abc"
STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(NODES), st.booleans(), st.integers(0, 9)), max_size=40)
"""Which of the branches, node, whether it fails, and at which count another branch leaves it (or not)."""


@given(STEPS)
def test_the_next_attempt_is_that_of_the_results(steps: list[tuple[int, str, bool, int]]) -> None:
    branches = [(Context(ResultLog(), 0), Context(_Attempts(), 0))]
    for number, node_id, fails, leaves in steps:
        at = number % len(branches)
        real, kept = branches[at]
        entry = {"node_id": node_id, "recorded_at": 1, "started_at": 1, "attempt": real.next_attempt(node_id)}
        entry |= {"error": {"type": "E", "message": ""}} if fails else {"output": 1}
        branches[at] = (
            Context(real.history.extend(real.count, entry), real.count + 1),
            Context(kept.history.extend(kept.count, entry), kept.count + 1),
        )
        if leaves < 3:
            real, kept = branches[at]
            branches.append(
                (Context(real.history, real.count), Context(_Attempts(kept.history, kept.count), kept.count))
            )
        for one, other in branches:
            assert [one.next_attempt(node) for node in NODES] == [other.next_attempt(node) for node in NODES]
