"""An SQLite store that its reader may not write to: by rights, or because nobody can write to its disk."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowledger.domain.errors import StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.sqlite.file import is_on_read_only_disk

from .events import opened, texts, write

READER = """
import os, sys
sys.path.insert(0, {here!r})
from events import texts, write
from flowledger.domain.errors import FlowledgerError
from flowledger.infrastructure.storage.sqlite import recorder as sqlite
from flowledger.infrastructure.ledger.stores import open_store
write(open_store("memory:"), "a", 0, "loads what is loaded late, while that is still allowed")
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
store = None
for what in sys.stdin:
    try:
        store = store or open_store({url!r})
        if what == "write\\n":
            write(store, "a", store.head("a"), "by the reader")
        print(texts(store, "a"), flush=True)
    except FlowledgerError as error:
        print(type(error).__name__, error, flush=True)
"""


class Reader:
    """Another user, in a process of its own, who may read and not write."""

    def __init__(self, path: Path) -> None:
        script = READER.format(here=str(Path(__file__).parent), url=f"sqlite:///{path}")
        self._process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
        )

    def ask(self, what: str = "read") -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def path() -> Iterator[Path]:
    """Not below pytest's own folder: other users can't enter that."""
    with tempfile.TemporaryDirectory(prefix="flowledger-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "ledger.db"


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    with opened(f"sqlite:///{path}") as store:
        write(store, "a", 0, 1)
    path.chmod(0o644)
    if os.geteuid() != 0:
        path.chmod(0o444)
        path.parent.chmod(0o555)
    reader = Reader(path)
    yield reader
    reader.close()
    path.parent.chmod(0o755)


def test_while_nobody_has_the_store_open_the_reader_is_told_which_right_it_lacks(path: Path, reader: Reader) -> None:
    said = reader.ask()
    assert said.startswith("StorageUnavailable")
    assert f"may not write to {path} and the folder {path.parent}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a writer beside another user who isn't one")
def test_a_reader_sees_what_is_written_while_it_has_the_store_open(path: Path, reader: Reader) -> None:
    with opened(f"sqlite:///{path}") as store:
        assert reader.ask() == "[1]"
        for number in range(2, 5):
            write(store, "a", number - 1, number)
            assert reader.ask() == str(list(range(1, number + 1)))
        refused = reader.ask("write")
        assert refused.startswith("StoreReadOnly")
        assert "read-only" in refused
    assert reader.ask() == "[1, 2, 3, 4]"
    with opened(f"sqlite:///{path}") as store:
        write(store, "a", 4, 5)
    assert reader.ask() == "[1, 2, 3, 4, 5]"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("this needs a disk of its own, and only root may mount one")
    disk = tmp_path / "a disk"
    disk.mkdir()
    _mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk))
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_store_on_a_disk_that_nobody_can_write_to_can_be_read_and_refuses_writes(disk: Path) -> None:
    url = f"sqlite:///{disk / 'ledger.db'}"
    with opened(url) as store:
        write(store, "a", 0, 1)
    _mount("-o", "remount,ro", str(disk))
    assert is_on_read_only_disk(disk / "ledger.db")
    with opened(url) as store:
        assert texts(store, "a") == [1]
        with pytest.raises(StorageUnavailable, match="read-only"):
            write(store, "a", 1, 2)
    _mount("-o", "remount,rw", str(disk))
    with opened(url) as store:
        write(store, "a", 1, 2)


def test_a_folder_mounted_for_reading_alone_is_not_taken_for_a_disk_that_nobody_writes_to(
    disk: Path, tmp_path: Path
) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    with opened(f"sqlite:///{disk / 'ledger.db'}") as store:
        write(store, "a", 0, 1)
    _mount("--bind", str(disk), str(beside))
    try:
        _mount("-o", "remount,bind,ro", str(beside))
        assert not is_on_read_only_disk(beside / "ledger.db")
        with pytest.raises(StorageUnavailable, match="may not write to"):
            open_store(f"sqlite:///{beside / 'ledger.db'}")
        with opened(f"sqlite:///{disk / 'ledger.db'}") as store, opened(f"sqlite:///{beside / 'ledger.db'}") as reader:
            write(store, "a", 1, 2)
            assert texts(reader, "a") == [1, 2]
    finally:
        subprocess.run(["umount", "-l", str(beside)], check=True)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
