"""Starting brings in what is used, and nothing else."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flowledger as fl

STORAGE = {"eventsourcing", "sqlite3", "psycopg"}
EXPRESSIONS = {"cel", "jsonschema_rs"}
SCREENS = {"rich", "textual"}
LIBRARIES = {*STORAGE, *EXPRESSIONS, *SCREENS, "pydantic", "orjson", "typer", "zstandard", "pyarrow", "ruamel"}

TELL = "import sys; print(*sorted(sys.modules))"
HELP = """
import sys
from flowledger.infrastructure.interfaces.cli import main
try:
    main({arguments!r})
except SystemExit:
    import sys; print("modules:", *sorted(sys.modules))
"""


def modules_after(code: str) -> set[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_flowledger_brings_in_no_library_and_none_of_its_own_modules() -> None:
    loaded = modules_after(f"import flowledger\n{TELL}")
    assert loaded & LIBRARIES == set()
    assert {name for name in loaded if name.startswith("flowledger.")} == set()


def test_registering_executors_brings_in_neither_a_store_nor_expressions() -> None:
    loaded = modules_after(f"import flowledger as fl\nfl.ExecutorRegistry().register('work')(print)\n{TELL}")
    assert "flowledger.domain.execution.executors" in loaded
    assert loaded & {*STORAGE, *EXPRESSIONS, *SCREENS, "typer"} == set()


@pytest.mark.parametrize("command", ["", "run start", "history", "audit", "workflow save", "schema", "replay", "walk"])
@pytest.mark.sampled(4)
def test_showing_help_brings_in_no_library_but_that_of_the_command_line_and_no_aggregate(command: str) -> None:
    loaded = modules_after(HELP.format(arguments=[*command.split(), "--help"]))
    # typer itself takes pydantic for the default of an option that isn't a text.
    assert loaded & LIBRARIES - {"pydantic"} == {"typer"}
    assert not {name for name in loaded if name.startswith(("flowledger.domain.run", "flowledger.domain.workflow"))}


def test_a_command_is_loaded_without_the_others() -> None:
    loaded = modules_after(HELP.format(arguments=["waits", "--help"]))
    commands = {name for name in loaded if name.startswith("flowledger.infrastructure.interfaces.cli.commands.")}
    assert commands == {"flowledger.infrastructure.interfaces.cli.commands.waits"}


def test_the_version_is_printed_without_what_draws() -> None:
    assert modules_after(HELP.format(arguments=["--version"])) & LIBRARIES == {"typer"}


def test_every_public_name_is_loaded_from_where_type_checkers_find_it() -> None:
    tree = ast.parse(Path(str(fl.__file__)).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    shown = {name.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert sorted([*shown, "__version__"]) == sorted(fl.__all__)
    assert shown == fl._MODULES
    for name in shown:
        value = getattr(fl, name)
        assert getattr(sys.modules[f"flowledger.{shown[name]}"], name) is value
        assert inspect.isclass(value) or inspect.isfunction(value)


def test_what_is_public_is_listed_and_nothing_else_is_found() -> None:
    assert set(fl.__all__) <= set(dir(fl))
    with pytest.raises(AttributeError, match="module 'flowledger' has no attribute 'opan_ledger'"):
        fl.opan_ledger  # noqa: B018 - looking it up is the test
