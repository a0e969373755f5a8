"""Each bug that is planted is found within some seeds; without it all of them pass."""

import pytest

from ..effort import spread
from .planted_bugs import BUGS, Bug, a_conflict_taken_for_a_lost_acknowledgement, an_index_behind_the_log
from .simulation import Case, simulate

WITHIN = 400
"""Seeds."""

QUICKLY_FOUND = (a_conflict_taken_for_a_lost_acknowledgement, an_index_behind_the_log)


@pytest.mark.parametrize("bug", spread(BUGS, by_default=QUICKLY_FOUND), ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: Bug) -> None:
    with bug():
        assert any(simulate(Case(seed)).failure for seed in range(WITHIN)), bug.__doc__
