"""Hosts with networks of their own: namespaces joined by a switch, from which each can be cut off."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ..storage.clusters import as_owner, run_sql, running_cluster

ADDRESS = "10.77.0.{}"
PORT = 5432


class Network:
    """The database server's host, whose bridge is the switch, and the others; nothing else reaches them."""

    def __init__(self) -> None:
        self._name = f"fl{uuid4().hex[:6]}"
        self.server = f"{self._name}-db"
        self._all: list[str] = []

    def open(self) -> None:
        """Skips the test where namespaces may not be made."""
        if shutil.which("ip") is None:
            pytest.skip("needs ip, of iproute2")
        self._add(self.server)
        _in(self.server, "link", "add", "switch", "type", "bridge")
        _in(self.server, "address", "add", f"{ADDRESS.format(1)}/24", "dev", "switch")
        _in(self.server, "link", "set", "switch", "up")

    def add_host(self) -> str:
        """The name of its namespace."""
        number = len(self._all)
        host = f"{self._name}-h{number}"
        self._add(host)
        _in(host, "link", "add", "net", "type", "veth", "peer", "name", _port(host), "netns", self.server)
        _in(host, "address", "add", f"{ADDRESS.format(10 + number)}/24", "dev", "net")
        _in(host, "link", "set", "net", "up")
        _in(self.server, "link", "set", _port(host), "master", "switch", "up")
        return host

    def cut_off(self, host: str) -> None:
        """What it sends goes nowhere, and it hears nothing; no connection is closed."""
        _in(self.server, "link", "set", _port(host), "down")

    def heal(self, host: str) -> None:
        _in(self.server, "link", "set", _port(host), "up")

    def close(self) -> None:
        for name in self._all:
            subprocess.run(["ip", "netns", "delete", name], check=True)

    def _add(self, name: str) -> None:
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"network namespaces may not be made here: {made.stderr.strip()}")
        self._all.append(name)
        _in(name, "link", "set", "lo", "up")


def _in(namespace: str, *command: str) -> None:
    subprocess.run(["ip", "-netns", namespace, *command], check=True)


def _port(host: str) -> str:
    """The interface of the switch that leads to a host."""
    return f"to-{host.rpartition('-')[2]}"


@contextmanager
def open_network() -> Iterator[Network]:
    network = Network()
    try:
        network.open()
        yield network
    finally:
        network.close()


@contextmanager
def running_server_in(network: Network) -> Iterator[tuple[Any, str]]:
    """A server on the network: itself, for those on this machine, and the URL for the hosts."""
    with running_cluster() as server:
        folder: Path = server.pgdata
        with (folder / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {ADDRESS.format(0)}/24 trust\n")
        url = f"postgresql://postgres@{ADDRESS.format(1)}:{PORT}/postgres"
        _restart_in(network.server, server, f"-h {ADDRESS.format(1)} -p {PORT}")
        run_sql(server.get_uri(), "SELECT 1")  # over its socket, which namespaces don't part
        yield server, url


def _restart_in(namespace: str, server: Any, listen: str) -> None:
    folder, owner = server.pgdata, server.pgdata.stat()
    control = [server.bin_path / "pg_ctl", "-w", "-D", folder]
    subprocess.run([*control, "-m", "fast", "stop"], check=True, cwd="/", stdout=subprocess.DEVNULL, **as_owner(folder))
    # ``ip`` needs to be root to enter the namespace, and the server refuses to be.
    as_who = ["setpriv", "--reuid", str(owner.st_uid), "--regid", str(owner.st_gid), "--clear-groups"]
    inside = ["ip", "netns", "exec", namespace, *(as_who if os.geteuid() == 0 else [])]
    command = [*inside, *control, "-o", f"{listen} -k {folder}", "-l", folder / "log", "start"]
    subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)
    server.ensure_postgres_running()
