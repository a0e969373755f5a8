"""A primary is killed while workers use it, and its standby is promoted."""

from pathlib import Path

import pytest

from . import journal
from .chaos import kill_a_worker, survive
from .cluster import Cluster
from .standby import Pair, running_pair
from .verdict import judge

pytestmark = pytest.mark.exhaustive

RUNS = 60


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    folder = tmp_path / "noted"
    folder.mkdir()
    return folder


def test_with_a_synchronous_standby_no_acknowledged_event_is_lost(noted: Path) -> None:
    with running_pair() as pair:
        pair.make_synchronous()
        with Cluster(pair.url, noted, runs=RUNS) as cluster:
            survive(cluster, [kill_a_worker, lambda *_: pair.fail_over(), kill_a_worker], seed=1)
            verdict = judge(pair.url, noted, RUNS)
    print(verdict)
    assert verdict.lost == ()


def test_with_an_asynchronous_one_by_mistake_the_loss_is_noticed_and_said(noted: Path) -> None:
    with running_pair() as pair, Cluster(pair.url, noted, runs=RUNS) as cluster:
        survive(cluster, [kill_a_worker, lambda cluster, _: lose_events(cluster, pair)], seed=1)
        verdict = judge(pair.url, noted, RUNS)
    print(verdict)
    assert verdict.lost
    said = [line for line in journal.read(noted, "said") if "lost events that were in it" in line["text"]]
    assert said


def lose_events(cluster: Cluster, pair: Pair) -> None:
    pair.cut()
    before = cluster.acknowledged()
    cluster.wait_for(lambda: cluster.acknowledged() > before + 20)
    pair.fail_over()
