"""A replica of the server: it can be read, refuses writes, and goes on as the primary when it is promoted."""

import psycopg
import pytest

from flowledger.domain.errors import StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.postgres.append import COPY_FROM_EVENTS
from flowledger.infrastructure.storage.verify import verify

from .clusters import ask, copy_running, running_cluster
from .events import opened, texts, write


def wait_until_replayed(primary: str, replica: str) -> None:
    written = ask(primary, "SELECT pg_current_wal_lsn()")
    with psycopg.connect(replica, autocommit=True) as connection:
        caught_up = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        while connection.execute(caught_up, (written,)).fetchone() != (True,):
            pass


@pytest.mark.exhaustive
def test_a_replica_is_read_refuses_writes_and_may_be_promoted() -> None:
    with running_cluster() as primary, running_cluster(copy_running(primary)) as replica:
        follow_and_promote(primary.get_uri(), replica.get_uri())


def follow_and_promote(primary: str, replica: str) -> None:
    with pytest.raises(StorageUnavailable, match="it is a replica"):
        open_store(replica)
    with opened(primary) as store:
        write(store, "a", 0, 1, 2)
        seen = list(store.tail())
        wait_until_replayed(primary, replica)
    with opened(replica) as store:
        for count in (1, 2, COPY_FROM_EVENTS):
            with pytest.raises(StorageUnavailable, match=r"it is a replica.*the URL of the primary"):
                write(store, "a", 2, *range(count))
            assert texts(store, "a") == [1, 2]
        assert list(store.tail()) == seen
        assert verify(store).findings == ()

        assert ask(replica, "SELECT pg_promote()") is True
        positions = write(store, "a", 2, 3)
        assert [event.position for event in store.tail(after=seen[-1].position)] == positions
        assert verify(store).findings == ()
    assert ask(replica, "SELECT count(*) FROM flowledger_epochs") == 1
