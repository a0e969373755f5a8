"""A restore or a failover takes newest events away from a ledger that is at work."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.index.reader import Index
from flowledger.infrastructure.repositories.workflows import WorkflowRepository

from ..storage.restorable import restorable

LOOP = {
    "nodes": [{"id": "count", "type": "count"}, {"id": "end", "type": "end"}],
    "edges": [
        {"source": "count", "target": "count", "sourceHandle": "again"},
        {"source": "count", "target": "end", "sourceHandle": "done"},
    ],
    "start": "count",
}


def saying(text: str) -> dict[str, Any]:
    return {
        "nodes": [{"id": "ask", "type": "ask"}, {"id": "say", "type": "say", "data": {"text": text}}],
        "edges": [{"source": "ask", "target": "say"}],
    }


class Scene:
    """A store, and what its executors do to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.backup = restorable(url)
        self.executors = fl.ExecutorRegistry()
        self.executors.register("count")(self.count)
        self.executors.register("acount")(self.acount)
        self.executors.register("end")(lambda step: "end")
        self.executors.register("ask")(lambda step: step.payload or fl.Pause("?"))
        self.executors.register("say")(lambda step: step.data["text"])
        self.executors.register("fail")(lambda step: 1 / 0)
        self.restored = False

    def count(self, step: fl.StepContext) -> fl.StepResult:
        if step.runs == 2 and not self.restored:
            self.backup.keep()
        if step.runs == 5 and not self.restored:
            self.backup.restore()
            self.restored = True
        return fl.StepResult(step.runs, handle="again" if step.runs < 8 else "done")

    async def acount(self, step: fl.StepContext) -> fl.StepResult:
        return self.count(step)

    def open(self, **options: Any) -> fl.Ledger:
        return fl.open_ledger(self.url, self.executors, **options)


@pytest.fixture
def scene(new_store_url: Callable[[], str]) -> Iterator[Scene]:
    scene = Scene(new_store_url())
    yield scene
    with scene.open() as ledger:
        assert ledger.verify().ok


def check_that_it_goes_on(scene: Scene, run_id: str) -> None:
    with scene.open() as fresh:
        versions = [event.version for event in fresh.history.events(run_id)]
        assert versions == list(range(1, len(versions) + 1))
        assert fresh.runs.get(run_id).status == "active"
        assert fresh.runs.proceed(run_id).status == "completed"


@pytest.mark.parametrize("durability", ["step", "batch", fl.Batch(steps=2), fl.Batch(steps=3)])
def test_a_run_in_flight_ends_with_the_loss_and_goes_on_from_what_is_stored(scene: Scene, durability: Any) -> None:
    with scene.open(durability=durability) as ledger:
        ledger.workflows.save(LOOP, workflow_id="loop")
        try:
            run = ledger.runs.start("loop")
        except fl.EventsLost as lost:
            check_that_it_goes_on(scene, lost.stream)
        else:  # nothing of it had been stored yet that could be lost
            assert durability == "batch"
            assert ledger.runs.get(run.id) == run


async def test_an_awaited_run_in_flight_does_too(scene: Scene) -> None:
    ledger = scene.open()
    loop = {**LOOP, "nodes": [{"id": "count", "type": "acount"}, {"id": "end", "type": "end"}]}
    ledger.workflows.save(loop, workflow_id="loop")
    with pytest.raises(fl.EventsLost) as told:
        await ledger.runs.astart("loop")
    assert (await ledger.runs.aproceed(told.value.stream)).status == "completed"
    ledger.close()


def test_a_run_that_others_took_further_since_is_left_to_them(scene: Scene) -> None:
    scene.executors.register("long")(lambda step: recovered_elsewhere(step.run_id))

    def recovered_elsewhere(run_id: str) -> str:
        if not scene.restored:
            scene.backup.restore()
            scene.restored = True
            with scene.open() as other:
                other.runs.proceed(run_id, by="another")
        return "done"

    nodes = [{"id": "end", "type": "end"}, {"id": "long", "type": "long"}]
    with scene.open() as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": [{"source": "end", "target": "long"}]}, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        scene.backup.keep()
        with pytest.raises((fl.EventsLost, fl.ConcurrencyError)):
            ledger.runs.proceed(run.id)
        stored = ledger.runs.get(run.id)
        assert stored.status == "completed"
        assert {event.by for event in ledger.history.events(run.id)} == {"unknown", "another"}
        assert [event.type for event in ledger.history.events(run.id)].count("run.step_completed") == 2


def test_every_command_works_on_what_is_stored(scene: Scene) -> None:
    with scene.open() as ledger:
        for name in ("save", "archive", "rename", "restore"):
            ledger.workflows.save(saying("1"), workflow_id=name)
        ledger.workflows.archive("restore")
        ledger.workflows.save({"nodes": [{"id": "f", "type": "fail"}]}, workflow_id="fail")
        names = ("set_metadata", "cancel", "resume", "pause", "fork", "reproduce", "proceed")
        waiting = {name: ledger.runs.start("save").id for name in names}
        failed, again = ledger.runs.start("fail").id, ledger.runs.start("fail").id
        queued = ledger.runs.start("save", wait=False).id
        scene.backup.keep()
        for name in ("save", "archive", "rename"):
            ledger.workflows.save(saying("2"), workflow_id=name)
        ledger.workflows.restore("restore")
        for run_id in waiting.values():
            ledger.runs.set_metadata(run_id, {"seen": 1})
        for run_id in (failed, again):
            ledger.runs.retry(run_id)
        ledger.runs.proceed(queued)
        keyed = ledger.runs.start("save", payload="x", idempotency_key="key")
        scene.backup.restore()

        saved = ledger.workflows.save(saying("3"), workflow_id="save", by="ada")
        assert (saved.version, saved.by) == (2, "ada")
        assert ledger.workflows.archive("archive").archived
        assert ledger.workflows.rename("rename", "another name").version == 2
        assert not ledger.workflows.restore("restore").archived
        assert ledger.runs.set_metadata(waiting["set_metadata"], {"b": 1}).snapshot.metadata.keys() >= {"b"}
        assert ledger.runs.cancel(waiting["cancel"]).status == "cancelled"
        assert ledger.runs.resume(waiting["resume"], payload="go").snapshot.context["say"][0].output == "1"
        assert ledger.runs.fork(waiting["fork"], version=2, payload="go").status == "completed"
        assert ledger.runs.reproduce(waiting["reproduce"]).status == "paused"
        assert ledger.runs.retry(failed).status == "failed"
        assert [item.outcome for item in ledger.runs.retry_all([again])] == ["retried"]
        assert ledger.runs.proceed(queued).status == "paused"
        anew = ledger.runs.start("save", payload="x", idempotency_key="key")
        assert anew.id != keyed.id
        assert anew.snapshot.context["say"][0].output == "3"


def test_what_runs_is_the_definition_that_is_stored(scene: Scene) -> None:
    with scene.open() as ledger:
        ledger.workflows.save(saying("draft"), workflow_id="w")
        scene.backup.keep()
        ledger.workflows.save(saying("lost"), workflow_id="w")
        assert ledger.runs.start("w", payload=1).snapshot.context["say"][0].output == "lost"
        scene.backup.restore()
        with scene.open() as other:
            assert other.workflows.save(saying("kept"), workflow_id="w").version == 2
        run = ledger.runs.start("w", payload=1)
        assert run.workflow_version == 2
        assert run.snapshot.context["say"][0].output == "kept"
        assert ledger.history.workflow_of(run.id).definition.nodes[1].data["text"] == "kept"


def test_a_run_whose_definition_was_lost_and_replaced_does_not_run_the_other_one(scene: Scene) -> None:
    with scene.open() as ledger:
        ledger.workflows.save(saying("kept"), workflow_id="w")
        lost_one = fl.WorkflowDefinition.model_validate(saying("lost")).digest
        with pytest.raises(fl.EventsLost, match="event 1 of stream 'workflow:w' is another one now"):
            WorkflowRepository(ledger._store, Index(ledger._store.recorder)).definition("w", 1, lost_one)
