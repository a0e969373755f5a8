"""Drafts and releases: which version runs start with, and who said so."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.ledger.ledger import Ledger

from ..effort import tries
from .harness import Harness, line


def versions_of(ledger: Ledger, workflow_id: str = "w") -> list[tuple[int, str, bool, bool]]:
    listed = ledger.workflows.versions(workflow_id)
    return [(version.version, version.kind, version.is_live, version.is_draft) for version in listed]


def test_a_save_is_live_at_once_and_a_draft_is_not(harness: Harness) -> None:
    workflows, runs = harness.ledger.workflows, harness.ledger.runs
    assert workflows.get("w").is_live
    draft = workflows.save(line("a", "b"), workflow_id="w", by="ada", draft=True)
    assert (draft.version, draft.is_live, draft.is_latest) == (2, False, True)
    assert (workflows.get("w", "live").version, workflows.get("w", "latest").version) == (1, 2)
    assert [version.is_live for version in (workflows.get("w", 1), workflows.get("w", 2))] == [True, False]
    assert runs.start("w").workflow_version == 1
    later = workflows.save(line("a", "b", "c"), workflow_id="w", by="ada")
    assert later.is_live
    assert runs.start("w").workflow_version == 3
    assert versions_of(harness.ledger) == [
        (1, "saved", False, False),
        (2, "saved", False, True),
        (3, "saved", True, False),
    ]


def test_a_release_makes_a_version_the_live_one_and_takes_a_bad_one_back(harness: Harness) -> None:
    workflows, runs = harness.ledger.workflows, harness.ledger.runs
    workflows.save(line("a", "b"), workflow_id="w", by="ada", draft=True)
    released = workflows.release("w", 2, by="bob", message="tried with ten orders")
    assert (released.version, released.is_live, released.by) == (2, True, "ada")
    assert runs.start("w").workflow_version == 2
    back = workflows.release("w", 1, by="eve", message="too slow")
    assert (back.version, back.is_live, back.is_latest) == (1, True, False)
    assert runs.start("w").workflow_version == 1
    assert [act.summary for act in harness.ledger.history.trail(limit=9) if act.type == "workflow.released"] == [
        "released version 1 of 'w': too slow",
        "released version 2 of 'w': tried with ten orders",
    ]
    assert versions_of(harness.ledger) == [
        (1, "saved", True, False),
        (2, "saved", False, False),
        (3, "released", False, False),
        (4, "released", False, False),
    ]
    assert str(workflows.versions("w")[-1]).endswith("(too slow): released version 1")


def test_the_live_version_is_in_the_list_of_workflows_and_stays_there_through_a_rebuild(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    workflows.save(line("x"), workflow_id="fresh", by="ada", draft=True)
    workflows.save(line("y"), workflow_id="other", by="ada")
    workflows.archive("other", by="ada")
    expected = {"fresh": (1, None), "w": (2, 1), "other": (1, 1)}
    for _ in range(2):
        listed = workflows.list(archived=True)
        assert {row.id: (row.saved_version, row.live_version) for row in listed} == expected
        harness.ledger.rebuild()
    workflows.release("w", 2, by="bob")
    workflows.restore("other", by="ada")
    rows = {row.id: row for row in workflows.list()}
    assert (rows["w"].live_version, rows["w"].version, rows["other"].live_version) == (2, 3, 1)
    assert harness.ledger.verify(deep=True).findings == ()


def test_a_workflow_of_drafts_alone_has_no_live_version(harness: Harness) -> None:
    workflows, runs = harness.ledger.workflows, harness.ledger.runs
    workflows.save(line("a"), workflow_id="new", by="ada", draft=True)
    for ask in (
        lambda: workflows.get("new", "live"),
        lambda: runs.start("new"),
        lambda: runs.start("new", version="live"),
    ):
        with pytest.raises(fl.VersionNotFound, match="workflow 'new' has no live version: all of its saves are drafts"):
            ask()
    assert runs.start("new", version="latest").workflow_version == 1
    assert runs.start("new", version=1).status == "completed"
    workflows.release("new", "latest", by="ada")
    assert runs.start("new").workflow_version == 1


def test_releasing_what_is_live_writes_nothing(harness: Harness) -> None:
    before = harness.written()
    assert harness.ledger.workflows.release("w", 1, by="bob") == harness.ledger.workflows.get("w")
    assert harness.ledger.workflows.release("w", "live", by="bob").version == 1
    assert harness.written() == before


def test_a_draft_that_is_saved_again_as_none_is_released(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    draft = workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    assert workflows.save(line("a"), workflow_id="w", by="bob", draft=True) == draft
    live = workflows.save(line("a"), workflow_id="w", by="bob", message="now")
    assert (live.version, live.is_live, live.by) == (2, True, "ada")
    last = list(harness.ledger.history.events("workflow:w"))[-1]
    assert (last.type, last.by, last.data["version"], last.data["message"]) == ("workflow.released", "bob", 2, "now")


def test_a_version_that_shows_an_earlier_save_releases_that_save(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.archive("w", by="ada")
    workflows.restore("w", by="ada")
    workflows.save(line("a"), workflow_id="w", by="ada")
    assert workflows.release("w", 3, by="bob").version == 1
    assert list(harness.ledger.history.events("workflow:w"))[-1].data["version"] == 1


def test_a_new_name_of_a_draft_is_a_draft(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    renamed = workflows.rename("w", "The line", by="bob")
    assert (renamed.version, renamed.is_live) == (3, False)
    assert workflows.get("w", "live").version == 1
    workflows.release("w", 3, by="bob")
    assert workflows.rename("w", "The other line", by="bob").is_live


def test_a_retry_runs_the_live_version_and_never_a_draft(harness: Harness) -> None:
    def fail(step: fl.StepContext) -> Any:
        raise fl.NonRetryable("closed")

    run = harness.start(fail)
    harness.ledger.workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    assert harness.ledger.runs.retry(run.id, preview=True).version == 1
    retried = harness.ledger.runs.retry(run.id)
    assert retried.workflow_version == 1
    harness.ledger.workflows.release("w", "latest", by="ada")
    assert harness.ledger.runs.retry(retried.id).workflow_version == 2


def test_a_fork_takes_the_live_version_by_its_name(harness: Harness) -> None:
    run = harness.start(lambda step: 1)
    harness.ledger.workflows.save(line("only", "b"), workflow_id="w", by="ada", draft=True)
    fork = harness.ledger.runs.fork
    assert fork(run.id, version=1, workflow_version="live").workflow_version == 1
    assert fork(run.id, version=1, workflow_version="latest").workflow_version == 2


def test_a_start_names_its_version_in_every_way(harness: Harness) -> None:
    workflows, runs = harness.ledger.workflows, harness.ledger.runs
    second = workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    for version, started in ((None, 1), (1, 1), (2, 2), ("live", 1), ("latest", 2), (second.snapshot_id, 2)):
        assert runs.start("w", version=version).workflow_version == started
    before = harness.written()
    for unknown in (0, 3, -1, 10**30, "zzzzzzz"):
        with pytest.raises(fl.VersionNotFound):
            runs.start("w", version=unknown)
    for wrong in (1.0, True, b"1"):
        with pytest.raises(fl.InvalidRequest, match="whole number"):
            runs.start("w", version=wrong)
    workflows.archive("w", by="ada")
    with pytest.raises(fl.IllegalTransition, match="archived"):
        runs.start("w", version=1)
    assert harness.written() == before + 1


def test_a_key_that_started_one_version_starts_no_other(harness: Harness) -> None:
    workflows, runs = harness.ledger.workflows, harness.ledger.runs
    workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    first = runs.start("w", idempotency_key="7")
    workflows.release("w", 2, by="ada")
    assert runs.start("w", idempotency_key="7").id == first.id
    assert runs.start("w", idempotency_key="7", version=1).id == first.id
    with pytest.raises(fl.IdempotencyConflict):
        runs.start("w", idempotency_key="7", version=2)


def test_nothing_is_released_while_it_is_archived_or_unknown(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("a"), workflow_id="w", by="ada")
    workflows.archive("w", by="ada")
    before = harness.written()
    with pytest.raises(fl.IllegalTransition, match="was archived by ada"):
        workflows.release("w", 1)
    with pytest.raises(fl.WorkflowNotFound):
        workflows.release("nowhere", 1)
    with pytest.raises(fl.VersionNotFound):
        workflows.release("w", 9)
    with pytest.raises(fl.InvalidRequest):
        workflows.release("w", 1, message="\ud800")
    with pytest.raises(fl.InvalidRequest):
        workflows.release("w", 1, by="")
    assert harness.written() == before


def test_the_trail_says_what_a_rename_and_a_restore_did(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("a"), workflow_id="w", by="ada")

    def told(command: Callable[[], Any]) -> str:
        command()
        return harness.ledger.history.trail(limit=1)[0].summary

    assert told(lambda: workflows.rename("w", "Invoices", by="zed")) == "saved version 3 of 'w', renamed to 'Invoices'"
    assert told(lambda: workflows.rename("w", None, by="zed")) == "saved version 4 of 'w', without its name"
    restored = "restored version 1 of 'w' as version 5: back to what worked"
    assert told(lambda: workflows.restore("w", by="dan", version=1, message="back to what worked")) == restored
    assert told(lambda: workflows.restore("w", by="dan", version=2)) == "restored version 2 of 'w' as version 6"
    drafted = "saved a draft, version 7 of 'w', renamed to 'Bills'"
    save = lambda: workflows.save(line("b"), workflow_id="w", by="zed", name="Bills", draft=True)  # noqa: E731
    assert told(save) == drafted
    assert told(lambda: workflows.save(line("c"), workflow_id="d", draft=True)) == "created 'd' as a draft"
    assert [(version.of_version, version.message) for version in workflows.versions("w")[-3:]] == [
        (1, "back to what worked"),
        (2, "restored from version 2"),
        (None, None),
    ]
    assert "restored version 1: " in str(workflows.versions("w")[4])


def test_a_restored_version_is_live_also_where_the_latest_draft_is_the_same(harness: Harness) -> None:
    workflows = harness.ledger.workflows
    workflows.save(line("a"), workflow_id="w", by="ada", draft=True)
    workflows.archive("w", by="ada")
    restored = workflows.restore("w", by="bob", version=2)
    acts = [act.summary for act in harness.ledger.history.trail(by="bob")]
    assert acts == ["released version 2 of 'w': restored from version 2", "restored 'w' at version 2"]
    assert (restored.version, restored.is_live, restored.archived) == (2, True, False)
    assert [event.type for event in harness.ledger.history.events("workflow:w")][-2:] == [
        "workflow.restored",
        "workflow.released",
    ]


class Model:
    """Which version must be live, and of which the latest save is, told without the code that decides it."""

    def __init__(self) -> None:
        self.head = self.live = self.latest = 1
        self.content: tuple[str, str | None] = ("a", None)
        self.saves: dict[int, str] = {1: "a"}

    def save(self, node: str, draft: bool, name: str | None = None) -> None:
        content = (node, name if name is not None else self.content[1])
        if content != self.content:
            self.head += 1
            self.latest, self.content = self.head, content
            self.saves[self.head] = node
            self.live = self.live if draft else self.head
        elif not draft and self.live != self.latest:
            self.head += 1
            self.live = self.latest

    def release(self, version: int) -> None:
        if self.live != version:
            self.head += 1
            self.live = version


@given(st.data())
@settings(
    max_examples=tries(200),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_whatever_is_saved_released_renamed_and_restored_the_live_version_is_the_one_that_was_meant(
    data: st.DataObject,
) -> None:
    executors, model = fl.ExecutorRegistry(), Model()
    executors.register("do")(lambda step: 1)
    with fl.open_ledger("memory:", executors) as ledger:
        workflows = ledger.workflows
        workflows.save(line("a"), workflow_id="w")
        for _ in range(data.draw(st.integers(1, 12))):
            match data.draw(st.sampled_from(["save", "release", "rename", "restore"])):
                case "save":
                    node, draft = data.draw(st.sampled_from("abc")), data.draw(st.booleans())
                    workflows.save(line(node), workflow_id="w", draft=draft)
                    model.save(node, draft)
                case "release":
                    version = data.draw(st.sampled_from(sorted(model.saves)))
                    workflows.release("w", version)
                    model.release(version)
                case "rename":
                    name = data.draw(st.sampled_from(["x", "y"]))
                    workflows.rename("w", name)
                    model.save(model.saves[model.latest], model.live != model.latest, name)
                case _:
                    version = data.draw(st.sampled_from(sorted(model.saves)))
                    workflows.restore("w", version=version)
                    model.save(model.saves[version], draft=False)
            assert workflows.get("w", "live").version == model.live
            assert (workflows.get("w").version, workflows.get("w").is_live) == (
                model.latest,
                model.live == model.latest,
            )
        assert ledger.runs.start("w").workflow_version == model.live
        listed = workflows.versions("w")
        assert [version.version for version in listed if version.is_live] == [model.live]
        assert len(listed) == model.head
        (row,) = workflows.list()
        assert (row.version, row.saved_version, row.live_version) == (model.head, model.latest, model.live)
        assert ledger.verify(deep=True).findings == ()
