"""The file of a new SQLite store is its owner's alone, and at the place that was meant."""

import os
import stat
from pathlib import Path

import pytest
from tests.umask import umask

from flowledger.domain.errors import InvalidRequest, StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store

from .events import opened, texts, write

NOBODY = 65534


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize(("mask", "expected"), [(0, 0o600), (0o022, 0o600), (0o177, 0o600)])
def test_a_new_store_and_the_files_beside_it_are_private(tmp_path: Path, mask: int, expected: int) -> None:
    with umask(mask), opened(f"sqlite:///{tmp_path}/s.db") as store:
        write(store, "a", 0, 1)
        assert modes(tmp_path) == dict.fromkeys(("s.db", "s.db-wal", "s.db-shm"), expected)


def test_a_store_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    open_store(url).close()
    (tmp_path / "s.db").chmod(0o660)
    with opened(url) as store:
        write(store, "a", 0, 1)
        assert modes(tmp_path) == dict.fromkeys(("s.db", "s.db-wal", "s.db-shm"), 0o660)


def test_a_link_of_ones_own_leads_to_the_store(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "s.db").symlink_to("elsewhere/real.db")
    with opened(f"sqlite:///{tmp_path}/s.db") as store:
        write(store, "a", 0, 1)
    assert modes(tmp_path / "elsewhere") == {"real.db": 0o600}
    with opened(f"sqlite:///{tmp_path}/elsewhere/real.db") as store:
        assert texts(store, "a") == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("create", [True, False])
def test_a_link_that_others_put_into_a_shared_folder_is_refused(tmp_path: Path, create: bool) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    (shared / "s.db").symlink_to(victim)
    os.lchown(shared / "s.db", NOBODY, NOBODY)
    with pytest.raises(StorageUnavailable, match="another user put this link"):
        open_store(f"sqlite:///{shared}/s.db", create=create)
    assert victim.read_bytes() == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_no_store_is_made_in_a_file_that_others_put_into_a_shared_folder(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "s.db").write_bytes(b"")
    (shared / "s.db").chmod(0o666)
    os.chown(shared / "s.db", NOBODY, NOBODY)
    with pytest.raises(StorageUnavailable, match="another user put this file"):
        open_store(f"sqlite:///{shared}/s.db")
    assert os.listdir(shared) == ["s.db"]


@pytest.mark.parametrize("create", [True, False])
def test_a_path_that_no_file_can_have_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, create: bool) -> None:
    with pytest.raises(StorageUnavailable, match="File name too long"):
        open_store(f"sqlite:///{tmp_path}/{'x' * 300}.db", create=create)
    for path in ("\udcff.db", "a\0b.db"):
        with pytest.raises(InvalidRequest, match=r"isn't UTF-8 text|no name of a file"):
            open_store(f"sqlite:///{tmp_path}/{path}", create=create)
    odd = tmp_path / "\udcfe"
    odd.mkdir()
    monkeypatch.chdir(odd)
    with pytest.raises(InvalidRequest, match="isn't UTF-8 text"):
        open_store("sqlite:///s.db", create=create)
    odd.rmdir()
    with pytest.raises(StorageUnavailable, match="the current folder is gone"):
        open_store("sqlite:///s.db", create=create)
    with pytest.raises(StorageUnavailable, match=r"folder exists|no store at"):
        open_store(f"sqlite:///{tmp_path}/none/s.db", create=create)
    assert list(tmp_path.iterdir()) == []
