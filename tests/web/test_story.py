"""The story's store says what its first lines tell."""

from .story import NOW, WORKFLOW, story


def test_the_store_of_the_story_is_as_it_is_told() -> None:
    with story() as told:
        history = told.ledger.history
        run = told.ledger.runs.get(told.run)
        assert (run.status, run.workflow_version, run.version) == ("failed", 7, 22)
        last = run.snapshot.context["ship"][-1]
        assert last.error == "KeyError: 'express'"
        assert len(run.snapshot.context["check-stock"]) == 3
        assert [event.by for event in history.events(told.run)].count("dana") == 2
        for other in told.alike:
            assert history.snapshot(other).context["ship"][-1].error == last.error
        statuses = {name: told.ledger.runs.get(getattr(told, name)).status for name in _ENDS}
        assert statuses == _ENDS
        assert history.workflow_of(told.retried).version == 9
        assert told.ledger.runs.get(told.held).held is not None
        assert told.ledger.workflows.get(WORKFLOW).version == 9
        assert told.clock() == NOW
        assert told.ledger.verify().ok


_ENDS = {
    "good": "completed",
    "newest": "completed",
    "retried": "completed",
    "waiting": "paused",
    "held": "paused",
    "due": "error",
}
