"""A checkpoint that an authority has stamped was there at that time (RFC 3161): nobody can sign it later."""

import subprocess
from pathlib import Path

import pytest

from ..verification.stories import LINE
from .stories import SignedStory

AUTHORITY = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = tsa.crt
signer_key = tsa.key
signer_digest = sha256
digests = sha256
default_policy = 1.2.3.4.1
"""
MAKE_AUTHORITY = """
req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -subj /CN=root -days 2
req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=stamps
x509 -req -in tsa.csr -CA root.crt -CAkey root.key -CAcreateserial -out tsa.crt -days 2 -extfile usage
"""
ASK = "ts -query -data checkpoint -sha256 -cert -out checkpoint.tsq"
ANSWER = "ts -reply -config tsa.conf -queryfile checkpoint.tsq -out checkpoint.tsr"
VERIFY = "ts -verify -data checkpoint -in checkpoint.tsr -CAfile root.crt"


def openssl(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    (tmp_path / "tsa.conf").write_text(AUTHORITY)
    (tmp_path / "serial").write_text("01\n")
    (tmp_path / "usage").write_text("extendedKeyUsage=critical,timeStamping\n")
    for command in MAKE_AUTHORITY.strip().splitlines():
        made = openssl(tmp_path, command)
        assert made.returncode == 0, made.stderr
    return tmp_path


def test_a_checkpoint_is_stamped_as_it_is_and_no_other_one_has_its_stamp(authority: Path) -> None:
    story, file = SignedStory("memory:", authority), authority / "checkpoint"
    file.write_text(story.sign().text)
    for command in (ASK, ANSWER, VERIFY):
        done = openssl(authority, command)
        assert done.returncode == 0, done.stderr
    story.ledger.workflows.save(LINE, workflow_id="line", by="ada")
    file.write_text(story.sign().text)
    assert openssl(authority, VERIFY).returncode == 1


def test_the_commands_are_those_of_the_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "stamp-and-keep-checkpoints.md"
    assert [command for command in (ASK, VERIFY) if f"openssl {command}\n" not in page.read_text()] == []
