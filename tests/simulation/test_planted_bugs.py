"""Each bug that is planted is found within some seeds; without it all of them pass."""

from itertools import chain

import pytest

from ..effort import spread
from . import planted_bugs
from .planted_bugs import BUGS, Bug, a_conflict_taken_for_a_lost_acknowledgement, an_index_behind_the_log
from .simulation import Case, simulate

WITHIN = 400
"""Seeds."""

FOUND_BY = {
    planted_bugs.resume_without_a_wait: 75,
    planted_bugs.an_answer_given_again_to_the_next_question: 75,
    planted_bugs.a_claim_without_an_expected_version: 37,
    planted_bugs.a_late_outcome_recorded_behind_the_new_holders: 11,
    planted_bugs.keys_forgotten: 22,
    planted_bugs.a_held_run_claimed: 19,
    planted_bugs.effects_repeated: 19,
    planted_bugs.remembered_workflows_believed: 36,
    planted_bugs.no_lease_looked_at: 11,
    planted_bugs.no_heartbeat: 11,
}
"""A seed that is tried first. Where a change of the code makes it miss its bug, the others are tried as well."""

QUICKLY_FOUND = (a_conflict_taken_for_a_lost_acknowledgement, an_index_behind_the_log)


@pytest.mark.parametrize("bug", spread(BUGS, by_default=QUICKLY_FOUND), ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: Bug) -> None:
    with bug():
        seeds = chain([FOUND_BY[bug]] if bug in FOUND_BY else [], range(WITHIN))
        assert any(simulate(Case(seed)).failure for seed in seeds), bug.__doc__
