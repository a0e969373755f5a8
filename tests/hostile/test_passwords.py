"""No password of a store's URL shows: not in an error, nor in what led to it, nor on the command line or in a log."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.ledger import schemes
from flowledger.infrastructure.storage.addresses import MAX_URL
from flowledger.infrastructure.storage.credentials import describe_text, redact_secrets, redact_url, redact_urls

from ..effort import tries
from ..prepared import PreparedPython

PASSWORD = "Hunter2-s3cret"
MALFORMED = (
    "postgresql://u:{}@127.0.0.1:1/d",
    "postgres://u:{}@127.0.0.1:1/d",
    "postgresql:/u:{}@h/d",
    "postgresql:u:{}@h/d",
    "//u:{}@h/d",
    "u:{}@h/d",
    "u:{}",
    "{}@h",
    "postgresql://u:{}",
    "postgresql://u:{}/d",
    "postgresql://u:{}:5432/d",
    "postgresql://u:{}@h:port/d",
    "postgresql://u:p@{}@h/d",
    "postgresql://u:a/{}@h/d",
    "postgresql://u:a?{}@h/d",
    "postgresql://u:a#{}@h/d",
    "postgresql://u:a b{}@h/d",
    "postgresql://u:%zz{}@h/d",
    "postgresql://u:{}%@h/d",
    "postgresql://u:{}@[::1/d",
    "postgresql://u:{}@127.0.0.1:99999/d",
    "postgresql://u:{}@127.0.0.1:1/d?schema=x",
    "postgresql://127.0.0.1:1/d?PASSWORD={}",
    "postgresql://127.0.0.1:1/d?password={}",
    "postgresql://h/d?passwd={}",
    "postgresql://127.0.0.1:1/d?PassWord={}&x=1",
    "postgresql://h/d?pass%77ord={}",
    "postgresql://h/d?password%3D{}",
    "postgresql://127.0.0.1:1/d?sslpassword={}",
    "postgresql://h/d?api_key={}",
    "postgresql://h/d?secret={}&password=x",
    "postgresql://h/d?password=a&{}",
    "postgresql://h/d?token={}",
    "postgresql://h/d?x=1&auth_token={}",
    "postgresql://h/d?options=-c%20my.secret%3D{}",
    "sqlite:///postgresql://u:{}@h/d",
    "sqlite:///u:{}@h/d",
    "sqlite:////nowhere/u:{}@h/d",
    "sqlite://u:{}@h/d",
    "sqlite:///nowhere/x.db?password={}",
    "sqlite:postgresql://u:{}@h/d",
    "mysql://u:{}@h/d",
    "https://{}@h/d",
    "redis://:{}@h",
    "user=u password={} host=h",
    "host=h password = '{}'",
    "memory:{}",
    "memory://u:{}@h",
    " postgresql://u:{}@h/d",
    "POSTGRESQL://u:{}@h/d",
    "postgresql+psycopg://u:{}@h/d",
    "postgresql://u:{}@h/d\0",
    "postgresql://u:{}@h/d\udcff",
    "postgresql://u:{}\n@h/d",
)


def told(error: BaseException | None) -> Iterator[str]:
    """All that an error and what led to it say."""
    while error is not None:
        yield f"{error} {error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__


def refusal(url: str, **settings: Any) -> fl.FlowledgerError:
    with pytest.raises(fl.FlowledgerError) as refused:
        fl.open_ledger(url, **settings).close()
    return refused.value


@pytest.mark.parametrize("url", MALFORMED)
def test_no_error_shows_the_password(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for create in (False, True):
        if create and url.startswith("sqlite:///"):
            continue  # a file of such a name would be made, and that is all right
        error = refusal(url.format(PASSWORD), create=create)
        assert not any(PASSWORD in said for said in told(error))
        assert isinstance(error, fl.InvalidRequest | fl.StorageUnavailable)
        assert len(str(error)) > 20, "it still says what is wrong"


def test_no_message_of_the_command_line_shows_a_password(tmp_path: Path, prepared_python: PreparedPython) -> None:
    url = f"postgresql://u:{PASSWORD}@127.0.0.1:1/d"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FLOWLEDGER_")}
    for arguments, environment in (
        (["--store", url, "verify"], {}),
        (["verify"], {"FLOWLEDGER_STORE": url}),
        (["--json", "verify"], {"FLOWLEDGER_STORE": url}),
        ([url, "verify"], {}),
        (["verify", url], {}),
        (["verify", f"--stroe={url}"], {}),
        (["verify", f"--deep={url}"], {}),
        (["history", "--limit", url], {}),
        (["--store", f"sqlite:///{url}", "verify"], {}),
        (["--store", url.replace("://", ":/"), "verify"], {}),
        (["--store", url, "backup", "x"], {}),
        (["--store", url, "schema"], {}),
        (["--store", url, "demo"], {}),
        (["verify"], {"FLOWLEDGER_STORE": "postgresql://u@127.0.0.1:1/d", "PGPASSWORD": PASSWORD}),
    ):
        done = prepared_python.run(["-m", "flowledger", *arguments], cwd=tmp_path, env=kept | environment)
        assert PASSWORD not in done.stdout + done.stderr, arguments
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "kind", [RuntimeError, ValueError, OSError, fl.InvalidRequest, fl.StorageUnavailable, fl.RunNotFound]
)
def test_no_error_of_a_package_that_opens_stores_shows_the_password(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Point:
        value, dist = "package:open", None

        def load(self) -> Any:
            return self.open

        def open(self, url: str, **_: Any) -> Any:
            try:
                raise LookupError(f"no driver for {url}")
            except LookupError as error:
                raise kind(f"can't connect to {url}") from error

    monkeypatch.setattr(schemes, "_entry_point", lambda scheme: Point() if scheme == "lmdb" else None)
    error = refusal(f"lmdb://u:{PASSWORD}@h/d?token={PASSWORD[::-1]}")
    assert not any(PASSWORD in said or PASSWORD[::-1] in said for said in told(error))
    assert "can't connect to" in str(error) or kind is fl.RunNotFound


def test_nothing_is_logged_of_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refusal(f"postgresql://u:{PASSWORD}@127.0.0.1:1/d")
    assert PASSWORD not in caplog.text


passwords = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=9, max_size=20)


@settings(max_examples=tries(300))
@given(passwords, st.sampled_from(["postgresql://u:{}@h/d", "postgresql://h/d?password={}", "x://u:{}@h", "u:{}@h"]))
@example("a:b@c/d?e#f&gh", "postgresql://u:{}@h/d")
@example("\N{NO-BREAK SPACE}00000000", "postgresql://h/d?password={}")
def test_whatever_the_password_is_it_is_not_shown(password: str, form: str) -> None:
    assume("=" not in form or not set("&;#?@:") & set(password))  # there they end a value, or belong to something else
    url = form.format(password)
    assert password not in redact_url(url)
    assert password not in describe_text(url)
    assert password not in redact_secrets(f"error near {password}: {url}", url)
    assert password not in redact_urls(f"No such command '{url}'.") or set("'\"") & set(password)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://ada:pw@db.example.org:5432/orders", "postgresql://ada:***@db.example.org:5432/orders"),
        ("postgresql://ada@h/d?options=-csearch_path%3Dx", "postgresql://ada@h/d?options=-csearch_path%3Dx"),
        ("postgresql://h1:1,h2:2/d", "postgresql://h1:1,h2:2/d"),
        ("postgresql://[::1]:5432/d", "postgresql://[::1]:5432/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
        ("sqlite:////srv/orders@2.db", "sqlite:////***@2.db"),
        ("sqlite:///orders.db", "sqlite:///orders.db"),
        ("memory:", "memory:"),
    ],
)
def test_what_is_no_secret_stays(url: str, seen: str) -> None:
    assert redact_url(url) == seen


@pytest.mark.parametrize(
    "url", ["sqlite://orders.db", "orders.db", "mysql://here/db", "lmdb:orders", "sqlite:orders.db"]
)
def test_a_mistyped_url_that_holds_no_secret_is_repeated(url: str) -> None:
    assert f"{url!r} is not a store's URL" in str(refusal(url))


def test_a_url_of_any_length_is_refused_at_once() -> None:
    for url in ("x" * (MAX_URL + 1), "postgresql://" + "a@" * 10**6, "postgresql://h/d?" + "x=1&" * 10**6):
        assert "is no store's URL" in str(refusal(url))
