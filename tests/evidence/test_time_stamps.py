"""A checkpoint that an authority has stamped was there at that time (RFC 3161): nobody can sign it later."""

import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.app import main
from flowledger.infrastructure.services.evidence import authority as authority_module

from ..verification.stories import LINE
from .authority import Authority, openssl, served
from .stories import SignedStory

ASK = "ts -query -data checkpoint -sha256 -cert -out checkpoint.tsq"
VERIFY = "ts -verify -data checkpoint -in checkpoint.tsr -CAfile root.crt"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Stamped:
    """A checkpoint in a file, and what is beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story = SignedStory("memory:", folder)
        self.signed = self.story.ledger.evidence.checkpoint(self.story.key, to=folder / "checkpoint")
        self.stamp = folder / "checkpoint.tsr"

    def make(self, authority: Any, certificates: str | None = "root.crt") -> fl.TimeStamp:
        given = None if certificates is None else self.folder / certificates
        return self.story.ledger.evidence.stamp(self.signed, authority, self.stamp, given)

    def check(self, checkpoint: fl.SignedCheckpoint, certificates: str = "root.crt") -> fl.ConsistencyReport:
        check = self.story.ledger.evidence.check
        return check(checkpoint, self.story.public, stamp=self.stamp, certificates=self.folder / certificates)

    def verifies(self, more: str = "") -> bool:
        return openssl(self.folder, f"{VERIFY} {more}").returncode == 0


@pytest.fixture
def stamped(authority: Authority) -> Stamped:
    return Stamped(authority.folder)


def test_a_stamp_is_asked_for_kept_and_checked_by_us_and_by_openssl(authority: Authority, stamped: Stamped) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    with served(authority.answer) as url:
        made = stamped.make(url)
    assert began <= made.at <= datetime.now(UTC)
    assert stamped.stamp.read_bytes() == made.response
    assert stamped.stamp.stat().st_mode & 0o777 == 0o600
    assert stamped.verifies()
    report = stamped.check(stamped.signed)
    assert (report.ok, report.stamped_at) == (True, made.at)
    stamped.story.ledger.workflows.save(LINE, workflow_id="line", by="ada")
    later = stamped.story.sign()
    (stamped.folder / "checkpoint").write_text(later.text)
    assert not stamped.verifies()
    report = stamped.check(later)
    assert ([found.kind for found in report.findings], report.stamped_at) == (["stamp"], None)
    assert "it is of another checkpoint" in report.findings[0].message


def test_a_stamp_that_openssl_has_asked_for_is_checked(authority: Authority, stamped: Stamped) -> None:
    assert openssl(stamped.folder, ASK).returncode == 0
    stamped.stamp.write_bytes(authority.answer((stamped.folder / "checkpoint.tsq").read_bytes()))
    assert stamped.verifies()
    assert stamped.check(stamped.signed).stamped_at is not None
    report = stamped.check(stamped.signed, "stranger.crt")
    assert [found.kind for found in report.findings] == ["stamp"]
    assert "give the certificates of the authority that has made it" in report.findings[0].message


Answer = Callable[[Authority, bytes], bytes]
UNFIT: dict[str, tuple[Answer, str]] = {
    "nonsense": (lambda _, __: b"<html>hello</html>", r"these 18 bytes can't be read as an answer of RFC 3161"),
    "nothing": (lambda _, __: b"", "these 0 bytes can't be read"),
    "a refusal": (lambda it, asked: it.answer(asked, digests="sha512"), "refuses: Message digest algorithm is not"),
    "an expired certificate": (lambda it, asked: it.answer(asked, "expired"), "certificate has expired; give the"),
    "a stranger's": (lambda it, asked: it.answer(asked)[:-1] + b"\0", "give the certificates of the authority"),
    "too much": (lambda _, __: b"x" * (2**20 + 1), "more than 1 MiB, which no time stamp has"),
    "certificates out of order": (
        lambda it, asked: it.answer(asked, more="-chain root.crt"),
        "add the authority's own certificate to the file of certificates",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_an_answer_that_shows_nothing_is_not_kept(authority: Authority, stamped: Stamped, name: str) -> None:
    answer, words = UNFIT[name]
    with served(lambda asked: answer(authority, asked)) as url, pytest.raises(fl.NotStamped, match=words):
        stamped.make(url)
    assert not stamped.stamp.exists()
    with served(authority.answer) as url:
        stamped.make(url)
    assert stamped.check(stamped.signed).ok


def test_an_answer_to_something_else_is_not_kept_whoever_has_signed_it(authority: Authority, stamped: Stamped) -> None:
    (stamped.folder / "checkpoint").write_text("another")
    assert openssl(stamped.folder, ASK).returncode == 0
    of_another = authority.answer((stamped.folder / "checkpoint.tsq").read_bytes())
    for certificates in (None, "root.crt"):
        with pytest.raises(fl.NotStamped, match="it is of something else than what was asked"):
            stamped.make(lambda _: of_another, certificates)
    assert not stamped.stamp.exists()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_address_that_is_none_of_an_authority_is_said(authority: Authority, stamped: Stamped, status: int) -> None:
    with served(authority.answer, status) as url, pytest.raises(fl.NotStamped, match=f"answers {status} .*its address"):
        stamped.make(url)
    assert not stamped.stamp.exists()


def test_an_answer_that_never_ends_is_not_waited_for(stamped: Stamped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority_module, "_LONGEST_WAIT", 0.2)
    given_up = Event()

    def drip(_: bytes) -> Iterator[bytes]:
        while not given_up.wait(0.02):  # so much sooner than the connection is given up
            yield b"x"

    with served(drip) as url:
        with pytest.raises(fl.NotStamped, match=r"its answer hasn't ended after 0.2 s\): try again"):
            stamped.make(url)
        given_up.set()
    assert not stamped.stamp.exists()


def test_an_authority_that_is_away_is_said(stamped: Stamped) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(fl.NotStamped, match=r"can't be asked \(.*refused\): try again, or ask another one"):
            stamped.make(f"http://127.0.0.1:{free.getsockname()[1]}/")
    for wrong in ("file:///etc/passwd", "ftp://here/", "here", "", 7, "http://[", "http://here:x/"):
        with pytest.raises(fl.InvalidRequest, match="is no address: http"):
            stamped.make(wrong)
    with pytest.raises(fl.InvalidRequest, match="give a function that asks it") as told:
        stamped.make("https://ada:secret@here/")
    assert "secret" not in str(told.value)
    with pytest.raises(fl.InvalidRequest, match="not the bytes of an answer"):
        stamped.make(lambda _: "text")
    assert not stamped.stamp.exists()


def test_an_authority_whose_certificate_is_at_hand_is_asked_to_leave_its_own_out(
    authority: Authority, stamped: Stamped
) -> None:
    trusted = stamped.folder / "both.crt"
    trusted.write_bytes(b"".join((stamped.folder / f"{name}.crt").read_bytes() for name in ("tsa", "root")))
    short = stamped.make(authority.answer, "both.crt")
    assert stamped.verifies("-untrusted tsa.crt")
    assert stamped.check(stamped.signed, "both.crt").stamped_at == short.at
    assert [found.kind for found in stamped.check(stamped.signed).findings] == ["stamp"]


def test_no_file_is_written_over_and_no_growing_one_is_stamped(authority: Authority, stamped: Stamped) -> None:
    def asked(_: bytes) -> bytes:
        raise AssertionError("nobody is to be asked")

    stamped.stamp.write_text("kept")
    with pytest.raises(fl.InvalidRequest, match="is there already"):
        stamped.make(asked)
    assert stamped.stamp.read_text() == "kept"
    stamp, folder = stamped.story.ledger.evidence.stamp, stamped.folder
    twice = f"{stamped.signed.text}\n{stamped.story.sign().text}"
    for checkpoint, words in ((twice, "there are 2 checkpoints"), ("x", "can't be read"), ("\ud800", "can't be read")):
        with pytest.raises(fl.InvalidRequest, match=words):
            stamp(checkpoint, asked)
    (folder / "none.crt").write_text("no certificate")
    for certificates, words in (("none.crt", "are to be in PEM"), ("tsa.crt", "have no root")):
        with pytest.raises(fl.InvalidRequest, match=words):
            stamp(stamped.signed, asked, folder / "new", folder / certificates)
    with pytest.raises(fl.StorageUnavailable, match="No such file"):
        stamp(stamped.signed, asked, folder / "new", folder / "nowhere")
    with pytest.raises(fl.InvalidRequest, match="give both"):
        stamped.story.ledger.evidence.check(stamped.signed, stamp=b"")
    with pytest.raises(ZeroDivisionError):  # what the caller's function raises is the caller's
        stamp(stamped.signed, lambda _: bytes(1 // 0))


def test_checkpoints_that_are_signed_by_themselves_can_be_stamped_each(authority: Authority, stamped: Stamped) -> None:
    evidence = stamped.story.ledger.evidence
    kept: list[str] = []

    def keep(signed: fl.SignedCheckpoint) -> None:
        kept.append(f"{len(kept)}.checkpoint")
        (stamped.folder / kept[-1]).write_text(signed.text)
        evidence.stamp(signed, authority.answer, stamped.folder / f"{kept[-1]}.tsr")

    stamped.story.ledger.workflows.save(LINE, workflow_id="line", by="ada")
    with evidence.sign_regularly(stamped.story.key, keep, every=timedelta(hours=1)):
        pass
    assert kept
    for name in kept:
        assert openssl(stamped.folder, VERIFY.replace("checkpoint", name)).returncode == 0


def test_the_commands_do_the_same(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, status: int = 0) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.raises(SystemExit) as ended, redirect_stdout(out), redirect_stderr(err):
            main(["--store", "sqlite:///s.db", "evidence", *arguments])
        assert ended.value.code == status, err.getvalue()
        return out.getvalue(), err.getvalue()

    fl.open_ledger("sqlite:///s.db").close()
    run("keygen", "key")
    run("checkpoint", "--key", "key", "--to", "checkpoint")
    with served(authority.answer) as url:
        at = json.loads(run("stamp", "checkpoint", "--authority", url, "--json")[0])["at"]
        assert "give --authority-certificate" in run("stamp", "checkpoint", "--authority", url, "--out", "2.tsr")[1]
        assert "is there already" in run("stamp", "checkpoint", "--authority", url, status=2)[1]
    assert openssl(tmp_path, VERIFY).returncode == 0
    by = ("--stamp", "checkpoint.tsr", "--authority-certificate")
    told = json.loads(run("check", "checkpoint", *by, "root.crt", "--json")[0])
    assert (told["ok"], told["stampedAt"]) == (True, at)
    assert "an authority has seen the checkpoint at" in run("check", "checkpoint", *by, "root.crt")[0]
    assert "stamp: the time stamp doesn't show" in run("check", "checkpoint", *by, "stranger.crt", status=1)[0]
    assert "try again, or ask another" in run("stamp", "checkpoint", "--authority", url, "--out", "3", status=2)[1]
    assert not Path("3").exists()


def test_the_commands_of_openssl_are_those_of_the_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "stamp-and-keep-checkpoints.md"
    assert [command for command in (ASK, VERIFY) if f"openssl {command}\n" not in page.read_text()] == []
