"""Bulk work on Dask: worker processes of a cluster, one of which is killed in the middle."""

import json
import subprocess
import sys
from typing import Any

import pytest

from .conftest import Shop

pytestmark = pytest.mark.exhaustive

KILLS_A_WORKER = """
import json, os, signal, sys
import dask, distributed
import flowledger as fl

url, app, *run_ids = sys.argv[1:]

def told(answers):
    return [[type(one).__name__, one.run_id, getattr(one, "ok", None), getattr(one, "kind", ""),
             "KilledWorker" in getattr(one, "message", "")] for one in answers]

if __name__ == "__main__":
    # Each loss costs a new process: by default Dask gives up a task that has lost four of them.
    dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        fl.open_ledger(url) as ledger,
    ):
        # A worker that has lost its scheduler for a moment ends by itself, and no new one comes for that.
        cluster.adapt(minimum=2, maximum=2)
        replayed = ledger.replay_many(run_ids, app, executor=client, chunk=1, at_once=4)
        answers = [next(replayed)]
        os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)
        answers += replayed
        with open("dies", "w") as file:
            file.write("7")
        again = ledger.replay_many(run_ids, app, executor=client.get_executor(), chunk=3)
        print(json.dumps([told(answers), told(again)]))
"""


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_worker_that_is_killed_in_the_middle_changes_no_answer(shop: Shop) -> None:
    # In a process of its own, as Dask changes how errors are pickled in the whole process.
    (shop.home / "killing.py").write_text(KILLS_A_WORKER)
    command = [sys.executable, "killing.py", str(shop.ledger._store.url), shop.app, *shop.run_ids]
    done = subprocess.run(command, cwd=shop.home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers, with_one_that_kills = json.loads(done.stdout)
    fine: list[Any] = [["ReplayReport", run_id, True, "", False] for run_id in shop.run_ids]
    assert answers == fine
    named = ["BulkFailure", shop.run_ids[7], None, "worker died", True]
    assert with_one_that_kills == [*fine[:7], named, *fine[8:]]
