"""Which code ran is on record, whatever was deployed meanwhile and however the workflow was saved."""

import functools
from pathlib import Path

import pytest

import flowledger as fl

DEFINITION = {"nodes": [{"id": "ask", "type": "ask"}]}


def registry_of(function) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("ask")(function)
    return executors


def before(step: fl.StepContext):
    return step.payload or fl.Pause("wait")


def bound_before(client: object, step: fl.StepContext):
    return before(step)


def after(step: fl.StepContext):
    return [step.payload, "changed"]


def code_of(function):
    """Its job code in a save."""
    with fl.open_ledger("memory:", registry_of(function)) as ledger:
        return ledger.workflows.save(DEFINITION, workflow_id="w").code["ask"]


def test_a_deployment_during_a_pause_is_recorded_when_the_run_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/code.db"
    with fl.open_ledger(url, registry_of(before)) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w")
    with fl.open_ledger(url, registry_of(after)) as ledger:
        ledger.runs.resume(run.id, payload=1, by="bob")
        started, *_, resumed, _ = ledger.history.events(run.id)
    assert "drifted" not in started.data
    assert "changed" in resumed.data["drifted"]["ask"]
    assert resumed.data["code"] != started.data["code"]


def test_a_resume_with_the_same_code_says_nothing_of_it(tmp_path: Path) -> None:
    with fl.open_ledger(f"sqlite:///{tmp_path}/code.db", registry_of(before)) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.resume(ledger.runs.start("w").id, payload=1)
        assert not any("code" in event.data for event in list(ledger.history.events(run.id))[1:])


def test_code_that_no_save_has_seen_is_recorded_with_the_run(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/code.db"
    with fl.open_ledger(url) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
    with fl.open_ledger(url, registry_of(before)) as ledger:
        run = ledger.runs.start("w")
        started = next(ledger.history.events(run.id))
    assert "fl.Pause" in started.data["drifted"]["ask"]


def test_a_save_without_executors_keeps_what_is_known_of_the_code(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/code.db"
    with fl.open_ledger(url, registry_of(before)) as ledger:
        first = ledger.workflows.save(DEFINITION, workflow_id="w")
    with fl.open_ledger(url) as ledger:
        assert ledger.workflows.save(DEFINITION, workflow_id="w") == first


def test_partials_of_other_functions_or_kinds_of_arguments_are_other_code() -> None:
    def add(amount: object, step: fl.StepContext) -> object:
        return amount

    add_one, add_two, add_text = (functools.partial(add, amount) for amount in (1, 2, "2"))
    digests = [code_of(function)["digest"] for function in (add_one, add_text, functools.partial(before), before)]
    assert len(set(digests)) == 4
    assert code_of(add_one) == code_of(add_two)


def test_partials_of_functions_without_source_are_told_apart_by_name() -> None:
    codes = [code_of(function) for function in (functools.partial(print, "a"), functools.partial(isinstance, "a"))]
    assert [code["name"] for code in codes] == ["builtins.print", "builtins.isinstance"]
    assert codes[0]["digest"] != codes[1]["digest"]


def test_a_bound_object_is_the_same_code_wherever_it_lies_in_memory(tmp_path: Path) -> None:
    class Client:
        pass

    url = f"sqlite:///{tmp_path}/ledger.db"
    clients = Client(), Client()
    assert repr(clients[0]) != repr(clients[1])
    for client in clients:
        with fl.open_ledger(url, registry_of(functools.partial(bound_before, client))) as ledger:
            saved = ledger.workflows.save(DEFINITION, workflow_id="w")
            started = next(iter(ledger.history.events(ledger.runs.start("w").id)))
            assert "drifted" not in started.data
    assert saved.version == 1
    assert saved.code["ask"]["source"].splitlines()[-1].endswith("Client) {}")


def test_the_code_of_a_snapshot_refuses_change() -> None:
    with fl.open_ledger("memory:", registry_of(before)) as ledger:
        code = ledger.workflows.save(DEFINITION, workflow_id="w").code
        with pytest.raises(TypeError, match="read-only"):
            code["ask"]["source"] = "x"  # type: ignore[typeddict-unknown-key]
        with pytest.raises(TypeError, match="read-only"):
            code["other"] = code["ask"]  # type: ignore[index]
