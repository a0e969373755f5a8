"""A primary and its standby, and one URL that leads to whichever takes writes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ..storage.clusters import ask, at_own_address, copy_running, run_sql, running_cluster
from .chaos import kill_server


class Pair:
    def __init__(self, primary: Any, standby: Any, url: str) -> None:
        self._primary = primary
        self._standby = standby
        self.url = url

    def make_synchronous(self) -> None:
        """From now on nothing is acknowledged that the standby hasn't in its log."""
        run_sql(self._primary.get_uri(), "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        while self.state_of_standby() != "sync":
            pass

    def state_of_standby(self) -> str:
        return str(ask(self._primary.get_uri(), "SELECT coalesce(min(sync_state), '') FROM pg_stat_replication"))

    def cut(self) -> None:
        """The standby gets nothing any more of what is written from now on."""
        run_sql(self._standby.get_uri(), "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        while ask(self._standby.get_uri(), "SELECT count(*) FROM pg_stat_wal_receiver"):
            pass

    def fail_over(self) -> None:
        """The primary dies at once, and the standby is promoted."""
        kill_server(self._primary)
        assert ask(self._standby.get_uri(), "SELECT pg_promote()") is True


@contextmanager
def running_pair() -> Iterator[Pair]:
    """The standby is asynchronous, as it is by default."""
    with ExitStack() as stack:
        primary = stack.enter_context(running_cluster())
        standby = stack.enter_context(running_cluster(copy_running(primary)))
        hosts = ",".join(f"{at_own_address(server)}:5432" for server in (primary, standby))
        pair = Pair(primary, standby, f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write")
        while pair.state_of_standby() != "async":
            pass
        yield pair
