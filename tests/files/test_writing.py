"""The one door for writing files: what is new is private, what is there keeps what it is, and nobody is misled."""

import errno
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pytest
from tests.umask import umask

from flowledger.domain.errors import InvalidRequest, StorageUnavailable
from flowledger.infrastructure.files import targets
from flowledger.infrastructure.files.atomic import make_folder, make_private_file, write_file, write_files
from flowledger.infrastructure.files.paths import is_special, is_stdout, open_to_read, resolve_path

NOBODY = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.mark.parametrize(("mask", "expected"), [(0, 0o600), (0o022, 0o600), (0o077, 0o600), (0o277, 0o400)])
def test_a_new_file_is_private_or_less_where_the_umask_says_so(tmp_path: Path, mask: int, expected: int) -> None:
    with umask(mask):
        write_file(tmp_path / "alone", b"x")
        write_files(tmp_path / "folder", {"a": b"x", "below/b": b"y"})
        make_private_file(tmp_path / "store.db")
    for name in ("alone", "folder/a", "folder/below/b", "store.db"):
        assert mode(tmp_path / name) == expected
    assert mode(tmp_path / "folder") | mode(tmp_path / "folder/below") == 0o700 & ~mask
    assert sorted(os.listdir(tmp_path)) == ["alone", "folder", "store.db"]


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664, 0o606, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, kept: int) -> None:
    with umask(0o022):
        for name in ("one", "two"):
            (tmp_path / name).write_text("before")
            (tmp_path / name).chmod(kept)
        write_file(tmp_path / "one", b"after")
        write_files(tmp_path, {"two": b"after"})
    for name in ("one", "two"):
        assert (tmp_path / name).read_text() == "after"
        assert mode(tmp_path / name) == kept


@needs_root
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_text("before")
    os.chown(path, NOBODY, NOBODY)
    write_file(path, b"after")
    assert (path.stat().st_uid, path.stat().st_gid, path.read_text()) == (NOBODY, NOBODY, "after")


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="there are no access lists here")
def test_a_replaced_file_keeps_its_access_list(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    path.write_text("before")
    # user::rw-, user:65534:rw-, group::---, mask::rw-, other::---: the mode then reads 0660, and the group has nothing.
    entries = [(1, 6, 2**32 - 1), (2, 6, NOBODY), (4, 0, 2**32 - 1), (16, 6, 2**32 - 1), (32, 0, 2**32 - 1)]
    listed = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + right.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, right, who in entries
    )
    try:
        os.setxattr(path, "system.posix_acl_access", listed)
    except OSError as error:
        pytest.skip(f"this file system has no access lists: {error}")
    write_file(path, b"after")
    assert path.read_text() == "after"
    assert os.getxattr(path, "system.posix_acl_access") == listed
    assert mode(path) == 0o660


WRITE = """
import os, sys
from pathlib import Path
from flowledger.infrastructure.files.atomic import write_file
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
write_file(Path(sys.argv[1]), b"after")
"""


@needs_root
def test_who_can_not_keep_the_owner_writes_into_the_file() -> None:
    with TemporaryDirectory() as made:  # not below pytest's own folder, which others can't enter
        _write_as_nobody(Path(made))


def _write_as_nobody(folder: Path) -> None:
    folder.chmod(0o777)
    path = folder / "theirs"
    path.write_text("what was before, and longer")
    path.chmod(0o666)
    inode = path.stat().st_ino
    done = subprocess.run([sys.executable, "-c", WRITE, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_text() == "after"
    assert (path.stat().st_ino, path.stat().st_uid, mode(path)) == (inode, 0, 0o666)
    assert os.listdir(folder) == ["theirs"]


def test_a_file_that_is_mounted_by_itself_is_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mounted"
    path.write_text("before, and longer than what comes")
    inode = path.stat().st_ino

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")  # what Linux answers there

    monkeypatch.setattr(targets.os, "replace", refuse)
    write_file(path, b"after")
    assert (path.read_text(), path.stat().st_ino, os.listdir(tmp_path)) == ("after", inode, ["mounted"])


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nobody can ask for room here")
def test_a_file_that_is_written_into_keeps_what_it_held_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mounted"
    path.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(targets.os, "replace", refuse)
    monkeypatch.setattr(targets.os, "posix_fallocate", full)
    with pytest.raises(StorageUnavailable, match="No space left"):
        write_file(path, b"after, and longer than before")
    assert path.read_text() == "before"


def test_a_file_that_may_not_be_written_to_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "read-only"
    path.write_text("before")
    path.chmod(0o400)
    opened = os.open

    def as_others_see_it(name: object, flags: int, *more: int) -> int:
        if os.fspath(name) == str(path) and flags & os.O_WRONLY:  # type: ignore[call-overload]
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(name, flags, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(targets.os, "open", as_others_see_it)
    with pytest.raises(StorageUnavailable, match="Permission denied"):
        write_file(path, b"after")
    assert path.read_text() == "before"


# --- what is no regular file ------------------------------------------------------------------------------------------


def test_a_pipe_gets_what_was_written_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"through")
    assert os.read(reading, 100) == b"through"
    assert is_special(pipe)
    assert pipe.is_fifo()
    os.close(reading)


def test_a_pipe_gets_nothing_of_a_content_that_fails(tmp_path: Path) -> None:
    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise InvalidRequest("no more")

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequest, match="no more"):
        write_file(tmp_path / "pipe", half)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_descriptor_is_written_to_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+b", buffering=0) as log:
        log.write(b"before\n")
        write_file(Path(f"/dev/fd/{log.fileno()}"), b"within\n")
        log.write(b"after\n")
    assert (tmp_path / "log").read_bytes() == b"before\nwithin\nafter\n"


def test_a_socket_as_a_descriptor_can_be_written_to_and_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write_file(Path(f"/dev/fd/{ours.fileno()}"), b"through")
        ours.shutdown(socket.SHUT_WR)
        with open_to_read(f"/dev/fd/{theirs.fileno()}") as read:
            assert read.read() == b"through"


def test_a_socket_with_a_name_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("there")
        with pytest.raises(StorageUnavailable, match="it is a socket"):
            write_file(Path("there"), b"x")
        assert (tmp_path / "there").is_socket()


def test_a_device_is_written_into_and_stays(tmp_path: Path) -> None:
    node = tmp_path / "null"
    try:
        os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        node.write_bytes(b"")
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    write_file(node, b"x" * 100_000)
    (tmp_path / "link").symlink_to(node)
    write_file(tmp_path / "link", b"x")
    assert stat.S_ISCHR(node.lstat().st_mode)
    with pytest.raises(StorageUnavailable, match="not a regular file"):
        write_files(tmp_path, {"null": b"x"})
    assert stat.S_ISCHR(node.lstat().st_mode)


def test_a_full_device_is_told() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with pytest.raises(StorageUnavailable, match=r"can't write '/dev/full': No space left"):
        write_file(Path("/dev/full"), b"x")


def test_it_is_known_what_leads_to_stdout(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/dev/stdout")
    for path in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", tmp_path / "out"):
        assert is_stdout(path)
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "none", "/dev/fd/2"):
        assert not is_stdout(path)


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder as /tmp is: everybody may make files, and remove their own."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@needs_root
@pytest.mark.parametrize("planted", ["link", "link/name", "file", "pipe"])
def test_what_others_put_into_a_shared_folder_is_neither_followed_nor_written(shared: Path, planted: str) -> None:
    home = shared.parent / "home"
    home.mkdir()
    victim = home / "name"
    victim.write_text("mine")
    place = shared / planted
    if planted == "pipe":
        os.mkfifo(place)
    elif planted == "file":
        place.write_text("theirs")
        place.chmod(0o666)
    else:
        (shared / "link").symlink_to(home if planted == "link/name" else victim)
    os.lchown(shared / planted.partition("/")[0], NOBODY, NOBODY)
    for write in (write_file, lambda path, content: write_files(path.parent, {path.name: content})):
        with pytest.raises((StorageUnavailable, InvalidRequest), match=r"another user put|leads out of the folder"):
            write(place, b"secret")
    assert victim.read_text() == "mine"
    if planted == "file":
        assert place.read_text() == "theirs"


@needs_root
def test_what_the_owner_of_a_shared_folder_put_there_is_followed(shared: Path) -> None:
    target = shared.parent / "target"
    (shared / "link").symlink_to(target)
    os.chown(shared, NOBODY, NOBODY)
    os.lchown(shared / "link", NOBODY, NOBODY)
    write_file(shared / "link", b"x")
    assert target.read_bytes() == b"x"


def test_a_link_of_ones_own_in_a_shared_folder_is_followed(shared: Path) -> None:
    (shared / "link").symlink_to("../target")
    write_file(shared / "link", b"x")
    assert (shared.parent / "target").read_bytes() == b"x"
    assert (shared / "link").is_symlink()


def test_links_are_followed_as_the_system_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "to-b").symlink_to("a/b")
    (tmp_path / "a/back").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path / "a")
    for path in ("b/../x", "../to-b/../x", "back/to-b/../back/a/x", "./b//../x", str(tmp_path / "to-b/../x")):
        assert resolve_path(path) == Path(os.path.realpath(path)) == tmp_path / "a/x"
    with pytest.raises(StorageUnavailable, match="Too many levels of symbolic links"):
        write_file(tmp_path / "loop", b"x")


# --- folders and names ------------------------------------------------------------------------------------------------


def test_no_folder_is_made_above_a_file_nor_two_above_each_other(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"can't write '.*/x': there is no folder '.*mistyped'"):
        write_file(tmp_path / "mistyped/x", b"x")
    for make in (make_folder, lambda path: write_files(path, {"x": b""})):
        with pytest.raises(StorageUnavailable, match=r"there is no folder '.*mistyped'"):
            make(tmp_path / "mistyped/folder")
    assert os.listdir(tmp_path) == []
    make_folder(tmp_path / "folder")
    make_folder(tmp_path / "folder")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_folder_that_was_made_goes_again_where_nothing_came_of_it(tmp_path: Path) -> None:
    def fail(_: BinaryIO) -> None:
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest, match="no"):
        write_files(tmp_path / "folder", {"a": b"", "below/b": fail})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "/" * 5_000 + "x" * 300])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str) -> None:
    for write in (write_file, lambda path, content: write_files(path, {"x": content})):
        with pytest.raises((StorageUnavailable, InvalidRequest), match=r"File name too long|no name of a file"):
            write(tmp_path / name, b"x")
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_no_unicode_is_a_name(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json"))
    write_file(path, b"x")
    with open_to_read(path) as read:
        assert read.read() == b"x"
