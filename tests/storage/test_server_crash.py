"""A backend of the server is killed, so that the server breaks all sessions and comes back."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from .clusters import ask, at_own_address, running_cluster
from .events import opened, texts, write


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["socket", "tcp"])
def url(request: pytest.FixtureRequest, cluster: Any) -> str:
    if request.param == "socket":
        return str(cluster.get_uri())
    return f"postgresql://postgres@{at_own_address(cluster)}:5432/postgres"


def crash(url: str, started: Callable[[], Any]) -> None:
    before = started()
    with closing(psycopg.connect(url)) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
    while True:
        try:
            if started() != before:
                return
        except psycopg.OperationalError:
            continue


@pytest.mark.exhaustive
def test_calls_go_on_over_new_connections_and_none_of_the_dead_ones_is_used_again(url: str) -> None:
    with opened(url) as store:
        stream = f"over {url}"
        write(store, stream, 0, 1)
        pool = store.recorder.datastore._pool  # type: ignore[attr-defined]
        several = [pool.acquire() for _ in range(4)]
        late = several.pop()
        for connection in several:
            pool.release(connection)
        crash(url, lambda: ask(url, "SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'"))
        write(store, stream, 1, 2)
        pool.release(late)  # it was in use while the server went, and is as dead as the others
        for version in range(2, 6):
            write(store, stream, version, version + 1)
        assert texts(store, stream) == [1, 2, 3, 4, 5, 6]
        taken = [pool.acquire() for _ in range(2)]
        assert late not in taken
        assert not set(several) & set(taken)
        for connection in taken:
            pool.release(connection)
