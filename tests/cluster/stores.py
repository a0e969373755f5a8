"""The stores that clusters work on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..storage.clusters import running_cluster
from .chaos import Fault, kill_the_server


@contextmanager
def running_store(backend: str, folder: Path) -> Iterator[tuple[str, list[Fault]]]:
    """Its URL, and what may happen to it."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / 'ledger.db'}", []
    else:
        with running_cluster() as server:
            yield server.get_uri(), [kill_the_server(server)]
