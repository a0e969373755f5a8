"""What partials, closures and defaults bind is no part of the job code that is stored."""

import dataclasses
import hashlib
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..effort import tries

SECRET = "-".join(["tr0ub4dor", "3x"])  # not in the source of this file as one text
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()


@dataclasses.dataclass
class Client:
    token: str

    def send(self, step: fl.StepContext) -> int:
        return len(self.token)

    def __call__(self, step: fl.StepContext) -> int:
        return len(self.token)


class Proxy:
    """It stands for something that isn't there yet."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise RuntimeError("working outside of a request")

    __repr__ = __str__ = lambda self: SECRET


def call(*given: Any, **named: Any) -> int:
    return len(given) + len(named)


def enclosing(secret: str) -> Callable[..., int]:
    def enclosed(step: fl.StepContext, default: str = secret) -> int:
        return len(secret + default)

    return enclosed


def wrapped(secret: str) -> Callable[..., int]:
    bound = partial(call, secret)
    update_wrapper(bound, call)
    return bound


BINDINGS: dict[str, Callable[[str], Callable[..., Any]]] = {
    "positional": lambda secret: partial(call, secret),
    "named": lambda secret: partial(call, api_key=secret),
    "both": lambda secret: partial(call, 1, secret, retries=3, api_key=secret),
    "nested": lambda secret: partial(partial(call, {"auth": [f"Bearer {secret}"]}), hosts={secret}),
    "object": lambda secret: partial(call, client=Client(secret)),
    "model": lambda secret: partial(call, key=pydantic.SecretStr(secret), client=pydantic.RootModel(secret)),
    "namespace": lambda secret: partial(call, SimpleNamespace(token=secret)),
    "proxy": lambda secret: partial(call, Proxy()),
    "error": lambda secret: partial(call, ValueError(secret)),
    "partial": lambda secret: partial(call, partial(call, secret)),
    "method": lambda secret: partial(call, Client(secret).send),
    "lambda": lambda secret: partial(lambda key, step: len(key), secret),
    "number": lambda secret: partial(call, pin=int.from_bytes(secret.encode())),
    "bytes": lambda secret: partial(call, secret.encode()),
    "closure": enclosing,
    "wrapped": wrapped,
    "an object that is called": Client,
    "its method": lambda secret: Client(secret).send,
    "without source": lambda secret: partial(print, secret, end=secret),
}


def save(folder: Path, function: Callable[..., Any]) -> Mapping[str, Any]:
    """The job code of a save; a run starts and is exported as well."""
    executors = fl.ExecutorRegistry()
    executors.register("t")(function)
    with fl.open_ledger(f"sqlite:///{folder}/s.db", executors) as ledger:
        saved = ledger.workflows.save({"nodes": [{"id": "n", "type": "t"}]}, workflow_id="w", by="ada")
        ledger.history.export(ledger.runs.start("w").id, folder / "run.jsonl")
    return saved.code["t"]


def forms(secret: str) -> set[bytes]:
    return {secret.encode(), secret.encode().hex().encode(), str(int.from_bytes(secret.encode())).encode()}


@pytest.mark.parametrize("how", BINDINGS)
def test_a_bound_secret_is_in_no_file(tmp_path: Path, how: str) -> None:
    save(tmp_path, BINDINGS[how](SECRET))
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert not [form for form in (*forms(SECRET), DIGEST.encode()) if form in content], file


@pytest.mark.parametrize("how", BINDINGS)
def test_a_digest_tells_nothing_of_what_is_bound(tmp_path: Path, how: str) -> None:
    """Else whoever reads it could try short secrets, one by one."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert save(tmp_path / "a", BINDINGS[how]("1234")) == save(tmp_path / "b", BINDINGS[how]("9876"))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.text())
    ),
    max_leaves=5,
)


@settings(max_examples=tries(100), deadline=None)
@given(st.lists(values, max_size=3), st.dictionaries(st.text("abcxyz", min_size=1), values, max_size=3))
def test_bound_values_of_the_same_types_are_the_same_code(given: list[Any], named: dict[str, Any]) -> None:
    from flowledger.infrastructure.execution.source_text import describe_bound

    described = describe_bound(partial(call, *given, **named))
    again = describe_bound(partial(call, *map(another, given), **{key: another(named[key]) for key in reversed(named)}))
    assert described == again
    assert described.count("\n") == 1


def another(value: Any) -> Any:
    """Another value of its type, where there is one."""
    return type(value)() if value is not None else None


def test_one_line_is_stored_of_a_lambda_that_is_bound_where_it_is_written(tmp_path: Path) -> None:
    # fmt: off
    first, second = partial(lambda key, step: len(key), "s3cr3t-1"), partial(lambda step, key: [key], key="s3cr3t-2")
    # fmt: on
    assert save(tmp_path, first)["source"] == "lambda key, step: len(key)\n# bound: (str) {}\n"
    assert "s3cr3t" not in str(save(tmp_path, second))
    assert save(tmp_path, second)["source"].startswith("lambda step, key: [key]\n")


@pytest.mark.parametrize("function", [call, Client("x").send, partial(call), lambda step: 1])
def test_code_that_binds_nothing_has_the_digest_it_always_had(tmp_path: Path, function: Callable[..., Any]) -> None:
    plain = function.func if isinstance(function, partial) else function
    behind = "# bound: () {}\n" if isinstance(function, partial) else ""
    source = inspect.getsource(plain) + behind
    code = save(tmp_path, function)
    assert code["source"] == source
    assert code["digest"] == hashlib.sha256(source.encode()).hexdigest()


APP = """
import functools, sys
import flowledger as fl

class Client:
    def __init__(self, hosts):
        self.hosts = hosts

def call(step, *given, **named):
    return 1

NAMES = {"alpha", "beta", "gamma", "delta", "epsilon"}
registry = fl.ExecutorRegistry()
registry.register("set")(functools.partial(call, hosts=NAMES, more=frozenset(NAMES)))
registry.register("dict")(functools.partial(call, dict.fromkeys(NAMES, NAMES), [NAMES]))
registry.register("named")(functools.partial(call, **dict.fromkeys(NAMES, 1)))
registry.register("object")(functools.partial(call, Client(NAMES), key=object()))
types = ["set", "dict", "named", "object"]
with fl.open_ledger(sys.argv[1], registry) as ledger:
    nodes = [{"id": type, "type": type} for type in types]
    edges = [{"source": first, "target": second} for first, second in zip(types, types[1:])]
    ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w", by="start-up")
    ledger.runs.start("w")
"""


def test_the_same_code_in_another_process_is_the_same_version(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    url = f"sqlite:///{tmp_path}/s.db"
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "app.py", url], check=True, cwd=tmp_path, timeout=60, env=environment)
    with fl.open_ledger(url) as ledger:
        assert len(ledger.workflows.versions("w")) == 1
        runs = ledger.history.runs().items
        assert len(runs) == 3
        for run in runs:
            assert "drifted" not in next(iter(ledger.history.events(run.id))).data
