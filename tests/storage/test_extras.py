"""What isn't installed is asked for by name, where it is needed and nowhere else."""

import subprocess
import sys
from pathlib import Path

CORE = """
import sys
for extra in ("psycopg", "psycopg_pool", "zstandard", "ruamel.yaml", "pyarrow", "textual", "pytest"):
    sys.modules[extra] = None  # an import of it fails
import flowledger as fl, flowledger.testing, flowledger.stores
executors = fl.ExecutorRegistry()
executors.register("t")(lambda step: 1)
with fl.open_ledger("sqlite:///store.db", executors) as ledger:
    ledger.workflows.save({"nodes": [{"id": "n", "type": "t"}]}, workflow_id="w")
    run = ledger.runs.start("w", payload={"animal": "giraffe"})
    assert [found.id for found in ledger.history.runs(text="giraffe")] == [run.id]
    ledger.history.export(run.id, "run.jsonl")
    assert ledger.verify().ok
    for call in (
        lambda: ledger.history.export(run.id, "run.zst"),
        lambda: fl.open_ledger("postgresql://host/database"),
        lambda: fl.read_definition("w.yaml"),
    ):
        try:
            call()
        except fl.InvalidRequest as error:
            print(error)
"""


def test_a_store_in_sqlite_needs_no_extra_and_the_rest_says_which(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("nodes: []")
    done = subprocess.run(
        [sys.executable, "-c", CORE], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    export, postgres, yaml = done.stdout.splitlines()
    assert "pip install 'flowledger[zstd]', or let the name end in .jsonl" in export
    assert "pip install 'flowledger[postgres]'" in postgres
    assert "pip install 'flowledger[yaml]'" in yaml
    assert not (tmp_path / "run.zst").exists()


def test_a_packed_export_says_what_reading_it_needs(tmp_path: Path) -> None:
    (tmp_path / "run.zst").write_bytes(b"\x28\xb5\x2f\xfd whatever")
    code = (
        "import sys; sys.modules['zstandard'] = None; from flowledger.infrastructure.interfaces.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--store", "sqlite:///s.db", "import", "run.zst"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "pip install 'flowledger[zstd]', or decompress the file" in done.stderr
