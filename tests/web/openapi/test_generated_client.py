"""A client that a generator makes from the description, and nothing else, talks to a server.

The generator asks for another Typer than we do, so it is none of our requirements: where it is on the PATH, installed
by itself (``pipx install openapi-python-client``), the test runs.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..browser.sites import served
from ..story import story
from .document import Document

GENERATOR = shutil.which("openapi-python-client")
TALK = """
import sys
from ledger_client import Client, models
from ledger_client.api.commands import commands_hold, commands_retry
from ledger_client.api.lists import lists_count_runs, lists_list_steps
from ledger_client.api.runs import runs_get_run, runs_list_events, runs_list_runs
from ledger_client.api.workflows import workflows_start_run

base, run, waiting = sys.argv[1:]
client = Client(base_url=base + "/api", raise_on_unexpected_status=True)
found = runs_list_runs.sync(client=client)
assert run in {row.id for row in found.runs}
assert runs_get_run.sync(run, client=client).status == "failed"
assert lists_list_steps.sync(client=client, node="ship").steps[0].node_id == "ship"
counted = lists_count_runs.sync(client=client, group=models.ListsCountRunsGroup.STATUS)
assert sum(row.count for row in counted.counts) == len(found.runs)
assert runs_list_events.sync(run, client=client)[0].type_ == "run.started"
held = commands_hold.sync(waiting, client=client, body=models.Because(reason="count first"))
assert (held.held.by, held.held.reason) == ("dana", "count first")
preview = commands_retry.sync(run, client=client, preview=True, body=models.Retry(from_node="ship"))
assert isinstance(preview, models.RetryPreview)
started = workflows_start_run.sync_detailed("order-approval", client=client, body=models.Start(payload={}, wait=False))
assert (started.status_code, started.parsed.status) == (201, "active")
missing = runs_get_run.sync_detailed("nothing", client=client)
assert missing.status_code == 404
assert isinstance(missing.parsed, models.Problem)
"""


@pytest.mark.exhaustive
@pytest.mark.skipif(GENERATOR is None, reason="openapi-python-client isn't installed: pipx install it")
def test_a_client_that_is_generated_from_the_description_talks_to_a_server(document: Document, tmp_path: Path) -> None:
    pytest.importorskip("attrs", reason="attrs isn't installed, which the client is made of")
    (tmp_path / "openapi.json").write_text(json.dumps(document.data), "utf-8")
    assert GENERATOR is not None
    how = [GENERATOR, "generate", "--path", "openapi.json", "--output-path", "ledger_client", "--meta", "none"]
    made = subprocess.run(how, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (made.returncode, "WARNING" in made.stdout) == (0, False), made.stdout + made.stderr
    with story(alike=0) as told, served(told.ledger) as base:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        words = [sys.executable, "-c", TALK, base, told.run, told.waiting]
        talked = subprocess.run(words, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert talked.returncode == 0, talked.stderr
