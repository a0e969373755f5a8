"""A run as a test case: its export, beside a pytest file that replays all exports in its folder."""

import os
from collections.abc import Callable
from pathlib import Path

from .....domain.errors import InvalidRequest
from ....files.atomic import make_folder, write_files
from ....files.names import file_names
from ....services.history.service import History
from ....transfer.files import PLAIN

TEST_FILE = "test_cases.py"

_TEST = '''"""Recorded runs, each executed again: where one would go another way today, its test says where."""

from pathlib import Path

import pytest
from flowledger.testing import replay_case

from {module} import {registry}

CASES = sorted(Path(__file__).parent.glob("*.jsonl"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_recorded_run_goes_the_same_way(case: Path) -> None:
    replay_case(case, {registry})
'''


def write_case(
    history: History,
    run_id: str,
    folder: Path,
    name: str | None,
    app: str | None,
    progress: Callable[[float], object] | None = None,
) -> tuple[Path, Path | None]:
    """Export a run into a folder of cases, and write the test file beside it where there is none.

    Returns the paths that were written; ``app`` is the registry as ``module:name``. Raises RunNotFound, InvalidRequest,
    StorageUnavailable.
    """
    test = folder / TEST_FILE
    is_new = not os.path.exists(test)
    if is_new and app is None:
        raise InvalidRequest(
            f"{str(test)!r} is not there yet, and has to name your executors: give --app module:registry"
        )
    workflow_id = history.workflow_of(run_id).workflow_id
    if name is None:
        name = f"{workflow_id}-{run_id.rpartition('-')[2]}"
    case = folder / f"{file_names([name])[name]}{PLAIN}"
    make_folder(folder)
    history.export(run_id, case, progress=progress)
    if is_new and app is not None:
        module, _, registry = app.partition(":")
        write_files(folder, {TEST_FILE: _TEST.format(module=module, registry=registry).encode()})
    return case, test if is_new else None
