"""What a step logs is recorded with it, and reaches the application's own logging, without secrets."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl

from ..told import Told
from .harness import Harness

SECRET = "tr0ub4dor-&-3"


@pytest.fixture
def told() -> Iterator[Told]:
    with Told.listening() as listening:
        yield listening


def logged(desk: Harness, run: fl.Run) -> list[str]:
    event = list(desk.ledger.history.events(run.id))[-1]
    return [f"{line['level']} {line['message']}" for line in event.data.get("logs", [])]


def lines_of(desk: Harness, do: Any, **given: Any) -> list[str]:
    return logged(desk, desk.start(do, **given))


def test_lines_of_child_loggers_are_recorded_in_order(memory_desk: Harness) -> None:
    def do(step: fl.StepContext) -> None:
        part = step.log.getChild("part")
        step.log.info("one")
        part.warning("two")
        part.getChild("deep").debug("three")
        step.log.getChild("part").error("four")
        assert step.log.getChild("part") is part
        assert part.name == f"{step.log.name}.part"
        logging.LoggerAdapter(part, {}).info("five")

    assert lines_of(memory_desk, do) == ["INFO one", "WARNING two", "DEBUG three", "ERROR four", "INFO five"]


def test_levels_decide_what_is_kept(memory_desk: Harness) -> None:
    def do(step: fl.StepContext) -> None:
        quiet, part = step.log.getChild("quiet"), step.log.getChild("part")
        quiet.setLevel(logging.ERROR)
        step.log.setLevel(logging.INFO)
        for logger in (step.log, part, quiet):
            logger.debug("no")
            logger.info("info of %s", logger.name.rpartition(".")[2])
        part.setLevel(logging.DEBUG)
        part.debug("yes")

    assert lines_of(memory_desk, do) == ["INFO info of only", "INFO info of part", "DEBUG yes"]


def test_the_applications_switch_doesnt_decide_what_is_kept(memory_desk: Harness, told: Told) -> None:
    logging.getLogger("flowledger.steps").setLevel(logging.ERROR)
    logging.disable(logging.CRITICAL)
    try:
        assert lines_of(memory_desk, lambda step: step.log.info("kept")) == ["INFO kept"]
    finally:
        logging.disable(logging.NOTSET)
        logging.getLogger("flowledger.steps").setLevel(logging.NOTSET)
    assert told.records == []


class HideCards(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().replace("4711", "####"), ()
        return "drop" not in record.msg


@pytest.mark.parametrize("where", ["logger", "child", "parent"])
def test_filters_of_the_executor_are_honoured(memory_desk: Harness, told: Told, where: str) -> None:
    def do(step: fl.StepContext) -> None:
        part = step.log.getChild("part")
        (part if where == "child" else step.log).addFilter(HideCards())
        logger = step.log if where == "logger" else part
        logger.info("card %s", "4711 4711")
        logger.info("drop %s", "this")

    assert lines_of(memory_desk, do) == ["INFO card #### ####"]
    assert [record.getMessage() for record in told.records] == ["card #### ####"]


def test_a_filter_may_answer_with_another_record(memory_desk: Harness) -> None:
    def replace(record: logging.LogRecord) -> Any:
        return logging.makeLogRecord({**vars(record), "msg": "replaced", "args": ()})

    def do(step: fl.StepContext) -> None:
        step.log.addFilter(replace)
        step.log.filter = lambda record: replace(record)  # type: ignore[method-assign] - as Python 3.12 does it
        step.log.info("as it was")

    assert lines_of(memory_desk, do) == ["INFO replaced"]


def test_the_stack_and_the_traceback_of_a_line_are_recorded(memory_desk: Harness) -> None:
    def do(step: fl.StepContext) -> None:
        step.log.info("with its stack", stack_info=True)
        try:
            raise KeyError("gone")
        except KeyError:
            step.log.exception("with its traceback", stack_info=True)

    stack, both = lines_of(memory_desk, do)
    assert stack.startswith("INFO with its stack\nStack (most recent call last):")
    assert ", in do\n" in stack
    assert "KeyError: 'gone'\nStack (most recent call last):" in both


def test_handlers_that_the_executor_adds_are_called(memory_desk: Harness, told: Told) -> None:
    own, quiet = Told(), Told()
    quiet.setLevel(logging.ERROR)

    def do(step: fl.StepContext) -> None:
        step.log.addHandler(own)
        step.log.addHandler(quiet)
        part = step.log.getChild("part")
        part.info("with %s", SECRET)
        part.propagate = False
        part.info("not further")

    recorded = lines_of(memory_desk, do, globals={"token": SECRET})
    assert recorded == ["INFO with ***", "INFO not further"]
    assert [record.getMessage() for record in own.records] == ["with ***"]
    assert [record.getMessage() for record in told.records] == ["with ***"]
    assert quiet.records == []


class Holder:
    def __repr__(self) -> str:
        return f"Holder({SECRET!r})"


class Unshowable:
    def __repr__(self) -> str:
        raise ValueError("no")


def test_what_is_passed_on_holds_no_secret_in_any_place(memory_desk: Harness, told: Told) -> None:
    def do(step: fl.StepContext) -> None:
        token = step.globals["token"]
        step.log.info("token %s and %r", token, {"auth": [f"Bearer {token}"]}, stack_info=True)
        itself: dict[Any, Any] = {(1,): token}
        itself["again"] = itself
        extra = {"auth": token, "more": {token: [token, {Holder()}]}, "it": Holder(), "itself": itself}
        step.log.getChild("part").info(f"token {token}", extra=extra)
        step.log.info("unshowable", extra={"what": Unshowable(), "number": 12})
        step.log.info("bad format %d", token)
        try:
            raise ConnectionError({"headers": token}) from KeyError(token)
        except ConnectionError:
            step.log.exception("failed with %s", token)

    lines_of(memory_desk, do, globals={"token": SECRET})
    assert len(told.records) == 5
    assert SECRET not in told.everything()
    assert "token *** and {'auth': ['Bearer ***']}" in told.everything()
    assert told.records[1].__dict__["more"] == {"***": ["***", "{Holder('***')}"]}
    assert "'***'" in told.records[1].__dict__["itself"]
    assert told.records[1].__dict__["it"] == "Holder('***')"
    assert told.records[2].__dict__["number"] == 12
    kind, error, trace = told.records[4].exc_info or (None, None, None)
    assert kind is not None
    assert (kind.__name__, kind.__module__, trace) == ("ConnectionError", "builtins", None)
    assert "***" in str(error)
    assert ", in do" in str(told.records[4].exc_text)


def test_without_secrets_a_record_is_passed_on_as_it_is(memory_desk: Harness, told: Told) -> None:
    def do(step: fl.StepContext) -> None:
        try:
            raise KeyError("gone")
        except KeyError as error:
            step.log.exception("it was %s", "gone", extra={"what": error})

    lines_of(memory_desk, do, globals={"region": fl.Public("eu")})
    (record,) = told.records
    assert (record.msg, record.args) == ("it was %s", ("gone",))
    assert record.exc_info is not None
    assert record.exc_info[1] is record.__dict__["what"]
    assert record.exc_info[2] is not None


def test_what_is_logged_after_the_end_is_passed_on_with_one_warning(memory_desk: Harness, told: Told) -> None:
    kept: list[logging.Logger] = []

    def do(step: fl.StepContext) -> None:
        kept.append(step.log.getChild("thread"))
        step.log.info("in time")

    run = memory_desk.start(do, globals={"token": SECRET})
    kept[0].info("late with %s", SECRET)
    kept[0].error("later")
    assert logged(memory_desk, run) == ["INFO in time"]
    in_time, warning, late, later = told.records
    assert (warning.levelname, warning.name) == ("WARNING", "flowledger.steps")
    assert run.id in warning.getMessage()
    assert "'only'" in warning.getMessage()
    assert "isn't recorded" in warning.getMessage()
    assert [record.getMessage() for record in (in_time, late, later)] == ["in time", "late with ***", "later"]


@pytest.mark.scaled
def test_several_threads_may_log_at_once(memory_desk: Harness, told: Told) -> None:
    def do(step: fl.StepContext) -> None:
        def log(number: int) -> None:
            begin.wait()
            for line in range(50):
                step.log.getChild(f"t{number % 3}").info("%s %d %s", number, line, step.globals[f"token{line}"])

        begin = threading.Barrier(8)
        threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    tokens = {f"token{number}": f"s3cr3t-{number:03}-&x" for number in range(50)}
    recorded = lines_of(memory_desk, do, globals=tokens)
    assert len(recorded) == len(told.records) == 400
    assert all(line.endswith(" ***") for line in recorded)
    assert all(record.getMessage().endswith(" ***") for record in told.records)


@pytest.mark.parametrize("secrets", [{}, {"token": SECRET}], ids=["no secrets", "secrets"])
def test_lines_say_of_which_step_they_are(memory_desk: Harness, told: Told, secrets: dict[str, str]) -> None:
    def do(step: fl.StepContext) -> None:
        step.log.info("one")
        step.log.getChild("part").info("two", extra={"node": "my own", "order": 7})

    run = memory_desk.start(do, globals=secrets)
    common = {"run_id": run.id, "workflow_id": run.workflow_id, "node_type": "do", "attempt": 1}
    one, two = (vars(record) for record in told.records)
    assert {name: one[name] for name in common} == common
    assert {name: two[name] for name in common} == common
    assert (one["node"], two["node"], two["order"]) == ("only", "my own", 7)
