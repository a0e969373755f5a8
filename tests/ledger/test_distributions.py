"""Which release of which distribution an executor came from is on record, and a run says when it is another one."""

import json
import os
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.execution import distributions
from flowledger.infrastructure.execution.distributions import distribution_of
from flowledger.projections.audit.code_drift import drift

from ..prepared import PreparedPython

MODULE = """
import flowledger as fl

executors = fl.ExecutorRegistry()


@executors.register("ask")
def ask(step):
    return step.payload or fl.Pause("wait")
"""

PROGRAM = """
import sys
import flowledger as fl
from acme.steps import executors

url, command, *rest = sys.argv[1:]
with fl.open_ledger(url, executors) as ledger:
    if command == "save":
        ledger.workflows.save({"nodes": [{"id": "a", "type": "ask"}]}, workflow_id="w")
    elif command == "start":
        print(ledger.runs.start("w").id)
    elif command == "preview":
        print(*ledger.runs.retry(rest[0], preview=True).code_changed)
    else:
        print(ledger.runs.resume(rest[0], payload=1).status)
"""


def installed(site: Path, version: str, module: str = MODULE) -> Path:
    """A folder with the distribution ``Acme-Steps`` of a version, as an installer leaves it."""
    package, info = site / "acme", site / f"acme_steps-{version}.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").touch()
    (package / "steps.py").write_text(module)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: Acme-Steps\nVersion: {version}\n")
    (info / "RECORD").write_text("acme/__init__.py,,\nacme/steps.py,,\n")
    return site


Run = Callable[..., str]


@pytest.fixture
def run(prepared_python: PreparedPython, tmp_path: Path) -> Run:
    """Runs the program in a process of its own, with what is installed at a site."""

    def run(site: Path, *arguments: str, beside: str = "") -> str:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), beside])}
        done = prepared_python.run(["-c", PROGRAM, *arguments], cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


def release(version: str) -> dict[str, str]:
    return {"name": "Acme-Steps", "version": version}


def first_event(ledger: fl.Ledger, run_id: str) -> dict[str, Any]:
    return next(ledger.history.events(run_id)).data


def test_another_release_is_drift_even_where_the_source_is_the_same(tmp_path: Path, url: str, run: Run) -> None:
    old, new = installed(tmp_path / "old", "1.0"), installed(tmp_path / "new", "1.1")
    run(old, url, "save")
    same, other = run(old, url, "start"), run(new, url, "start")
    with fl.open_ledger(url) as ledger:
        saved = ledger.workflows.get("w")
        assert saved.code["ask"]["distribution"] == release("1.0")
        as_saved, drifted = first_event(ledger, same), first_event(ledger, other)
        assert "drifted" not in as_saved
        assert as_saved["distributions"] == {"ask": release("1.0")}
        assert drifted["code"] == as_saved["code"]
        assert drifted["distributions"] == {"ask": release("1.1")}
        assert drifted["drifted"] == {"ask": saved.code["ask"]["source"]}
        assert [str(found) for found in drift(saved.code, 1, as_saved)] == ["'ask': as saved in version 1"]
        (found,) = drift(saved.code, 1, drifted)
        assert str(found) == "'ask': drifted since version 1 (Acme-Steps 1.0 → Acme-Steps 1.1)"
        assert found.text is None


def test_a_release_that_is_deployed_during_a_pause_is_recorded(tmp_path: Path, url: str, run: Run) -> None:
    old, new = installed(tmp_path / "old", "1.0"), installed(tmp_path / "new", "1.1")
    run(old, url, "save")
    run_id = run(old, url, "start")
    assert run(new, url, "resume", run_id) == "completed"
    with fl.open_ledger(url) as ledger:
        *_, resumed, _ = ledger.history.events(run_id)
        assert resumed.data["distributions"] == {"ask": release("1.1")}


def test_a_preview_tells_another_release_than_the_one_that_ran_last(tmp_path: Path, url: str, run: Run) -> None:
    old, new = installed(tmp_path / "old", "1.0"), installed(tmp_path / "new", "1.1")
    run(old, url, "save")
    stayed, upgraded = run(old, url, "start"), run(old, url, "start")
    run(old, url, "resume", stayed)
    run(new, url, "resume", upgraded)
    assert (run(old, url, "preview", stayed), run(new, url, "preview", stayed)) == ("", "a")
    assert (run(old, url, "preview", upgraded), run(new, url, "preview", upgraded)) == ("a", "")


def test_drifted_code_is_told_with_both_sources(tmp_path: Path, url: str, run: Run) -> None:
    old = installed(tmp_path / "old", "1.0")
    new = installed(tmp_path / "new", "1.0", MODULE.replace('"wait"', '"wait for ada"'))
    run(old, url, "save")
    run_id = run(new, url, "start")
    with fl.open_ledger(url) as ledger:
        (found,) = drift(ledger.workflows.get("w").code, 1, first_event(ledger, run_id))
    assert str(found) == "'ask': drifted since version 1"
    assert found.saved is not None
    assert '"wait"' in found.saved["source"]
    assert '"wait for ada"' in (found.source or "")
    assert '+    return step.payload or fl.Pause("wait for ada")' in (found.text or "")


def test_what_no_save_knows_is_drift_and_what_no_run_knows_is_none() -> None:
    code: Any = {"old": {"name": "app.old", "digest": "1"}}
    new, old = drift(code, 3, {"code": {"new": "2"}, "drifted": {"new": "source\n"}})
    assert (str(new), new.drifted, new.source) == ("'new': version 3 saved no code of it", True, "source\n")
    assert (old.type, old.drifted, old.digest, old.source) == ("old", False, None, None)


def test_a_save_from_before_releases_were_recorded_is_no_drift() -> None:
    code: Any = {"ask": {"name": "acme.steps.ask", "digest": "1", "source": "x"}}
    (found,) = drift(code, 1, {"code": {"ask": "1"}, "distributions": {"ask": release("1.0")}})
    assert not found.drifted
    assert found.source == "x"


def test_python_itself_and_scripts_are_no_distribution() -> None:
    assert distribution_of("json") is None
    assert distribution_of("builtins") is None
    assert distribution_of("nowhere.at.all") is None
    assert distribution_of(None) is None


def test_a_module_of_an_installed_distribution_is_known(tmp_path: Path) -> None:
    found = distribution_of("pydantic.main")
    assert found is not None
    assert found["name"] == "pydantic"
    assert distribution_of("_pytest.python") == distribution_of("pytest")


def test_a_module_in_the_folder_of_an_editable_install_is_known_by_it(tmp_path: Path, url: str, run: Run) -> None:
    project, site = tmp_path / "pro ject", tmp_path / "site"
    installed(project / "src", "9.9")
    info = site / "acme_steps-2.0.dist-info"
    (project / "src" / "acme_steps-9.9.dist-info").rename(project / "unused")
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Acme-Steps\nVersion: 2.0\n")
    (info / "RECORD").write_text("acme_steps.pth,,\n")
    (info / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}))
    run(site, url, "save", beside=str(project / "src"))
    with fl.open_ledger(url) as ledger:
        assert ledger.workflows.get("w").code["ask"]["distribution"] == release("2.0")


def test_a_module_of_an_installed_ones_name_elsewhere_is_not_its(tmp_path: Path, url: str, run: Run) -> None:
    site = installed(tmp_path / "site", "1.0")
    (site / "acme").rename(tmp_path / "acme")
    run(site, url, "save", beside=str(tmp_path))
    with fl.open_ledger(url) as ledger:
        assert "distribution" not in ledger.workflows.get("w").code["ask"]


def test_several_that_share_a_package_are_told_apart_by_their_files(tmp_path: Path, url: str, run: Run) -> None:
    site = installed(tmp_path / "site", "1.0")
    info = site / "acme_base-7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Acme-Base\nVersion: 7\n")
    (info / "RECORD").write_text("acme/__init__.py,,\n")
    run(site, url, "save")
    with fl.open_ledger(url) as ledger:
        assert ledger.workflows.get("w").code["ask"]["distribution"] == release("1.0")


@pytest.mark.exhaustive
def test_the_packages_of_all_that_is_installed_are_known_as_the_standard_library_knows_them() -> None:
    expected = {package: sorted(set(names)) for package, names in packages_distributions().items()}
    assert expected
    for package, names in expected.items():
        assert sorted(installed.name for _, installed in distributions._bringing(package)) == names
