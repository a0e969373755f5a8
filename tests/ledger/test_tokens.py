"""Tokens say who may use the pages and the API; the store keeps digests alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import flowledger as fl
from flowledger.domain.events.channel import acting_through
from flowledger.infrastructure.ledger.ledger import sessions_of
from flowledger.infrastructure.services.access.sessions import LONGEST_SESSION
from flowledger.testing import ManualClock

NOW = datetime(2026, 11, 25, 13, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ledger(store_url: str, clock: ManualClock) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, clock=clock) as opened:
        yield opened


def test_a_token_is_known_by_its_secret_until_it_is_revoked(ledger: fl.Ledger, clock: ManualClock) -> None:
    made = ledger.tokens.create("dana", "operator", by="ada")
    assert made.secret is not None
    found = sessions_of(ledger).find_token(made.secret)
    assert (found and found.name, found and found.role, made.made_by, made.made_at) == ("dana", "operator", "ada", NOW)
    clock.advance(days=1)
    revoked = ledger.tokens.revoke("dana", by="tess")
    assert (revoked.revoked_by, revoked.revoked_at) == ("tess", NOW + DAY)
    assert sessions_of(ledger).find_token(made.secret) is None
    assert sessions_of(ledger).why_refused(made.secret) == "this token was revoked"


def test_a_secret_is_never_stored_nor_told_again(ledger: fl.Ledger) -> None:
    made = ledger.tokens.create("dana", "viewer")
    assert made.secret is not None
    assert made.secret not in repr(made)
    assert [token.secret for token in ledger.tokens.list()] == [None]
    for wrong in ("", "fl_", made.secret[:-1], made.secret.upper(), "fl_\ud800", "' OR 1=1"):
        assert sessions_of(ledger).find_token(wrong) is None


def test_a_token_expires_and_leaves_its_name_to_another(ledger: fl.Ledger, clock: ManualClock) -> None:
    made = ledger.tokens.create("dana", "viewer", expires=DAY)
    assert made.secret is not None
    clock.advance(86_400 - 0.000_001)
    assert sessions_of(ledger).find_token(made.secret) is not None
    clock.advance(0.000_001)
    assert sessions_of(ledger).find_token(made.secret) is None
    assert sessions_of(ledger).why_refused(made.secret) == "this token has expired"
    ledger.tokens.create("dana", "admin", expires=clock() + DAY, by="ada")
    assert [(token.role, token.revoked_by) for token in ledger.tokens.list()] == [("viewer", "ada"), ("admin", None)]


def test_of_one_name_one_token_is_in_use(ledger: fl.Ledger, clock: ManualClock) -> None:
    ledger.tokens.create("dana", "viewer")
    with pytest.raises(fl.InvalidRequest, match="'dana' is in use: revoke it first"):
        ledger.tokens.create("dana", "admin")
    ledger.tokens.revoke("dana")
    with pytest.raises(fl.NotFound, match="no token 'dana' is in use"):
        ledger.tokens.revoke("dana")
    clock.advance(1)  # they are listed in the order of their times
    ledger.tokens.create("dana", "admin")
    assert [token.role for token in ledger.tokens.list()] == ["viewer", "admin"]


def test_the_last_use_is_known_within_a_minute(ledger: fl.Ledger, clock: ManualClock) -> None:
    secret = ledger.tokens.create("dana", "viewer").secret
    assert secret is not None
    seen = []
    for seconds in (10, 30, 60):
        clock.advance(seconds)
        sessions_of(ledger).find_token(secret)
        seen.append(ledger.tokens.list()[0].last_used_at)
    assert seen == [NOW + timedelta(seconds=10)] * 2 + [NOW + timedelta(seconds=100)]


def test_a_session_ends_with_its_token_with_its_time_or_by_signing_out(ledger: fl.Ledger, clock: ManualClock) -> None:
    sessions = sessions_of(ledger)

    def sign_in(name: str, expires: timedelta | None = None) -> str:
        begun = sessions.begin(ledger.tokens.create(name, "viewer", expires=expires).secret or "")
        assert begun is not None
        found = sessions.find(begun.secret)
        assert found is not None
        assert found.name == name
        return begun.secret

    revoked, left, short, long = sign_in("a"), sign_in("b"), sign_in("c", DAY), sign_in("d")
    ledger.tokens.revoke("a")
    sessions.end(left)
    assert [sessions.find(session) is None for session in (revoked, left, short, long)] == [True, True, False, False]
    clock.advance(86_400)
    assert [sessions.find(session) is None for session in (short, long)] == [True, False]
    clock.advance(LONGEST_SESSION / 1_000_000)
    assert sessions.find(long) is None
    assert sessions.begin("fl_wrong") is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"role": "root"}, "viewer, operator, editor, admin"),
        ({"name": ""}, "not empty"),
        ({"name": "a\x1b[31m"}, "control characters"),
        ({"name": "a" * 201}, "200 are the most"),
        ({"expires": timedelta(0)}, "has passed"),
        ({"expires": NOW.replace(year=2027, tzinfo=None)}, "time zone"),
        ({"expires": 90}, "neither a timedelta nor an aware datetime"),
        ({"by": ""}, "not empty"),
    ],
)
@pytest.mark.parametrize("store_url", ["memory"], indirect=True)
def test_what_cannot_be_a_token_is_refused(ledger: fl.Ledger, arguments: dict[str, object], told: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=told):
        ledger.tokens.create(**({"name": "dana", "role": "viewer"} | arguments))  # type: ignore[arg-type]
    assert ledger.tokens.list() == []


def test_the_audit_trail_tells_who_made_and_revoked_which_token_and_through_what(ledger: fl.Ledger) -> None:
    with acting_through("cli"):
        ledger.tokens.create("dana", "operator", expires=90 * DAY, by="ada")
    ledger.tokens.revoke("dana", by="tess")
    trail = ledger.history.trail()
    assert [(act.by, act.summary, act.channel, act.kind, act.subject) for act in trail] == [
        ("tess", "revoked token dana", None, "token", "dana"),
        ("ada", "made token dana, operator, until 2027-02-23T13:20+00:00", "cli", "token", "dana"),
    ]
    assert list(ledger.history.trail(stream="tokens")) == list(trail)
    ledger.rebuild()
    assert list(ledger.history.trail()) == list(trail)
    assert ledger.verify().ok


def test_what_is_refused_of_a_token_leaves_no_trail(ledger: fl.Ledger) -> None:
    ledger.tokens.create("dana", "viewer", by="ada")
    with pytest.raises(fl.InvalidRequest, match="in use"):
        ledger.tokens.create("dana", "admin", by="eve")
    with pytest.raises(fl.NotFound):
        ledger.tokens.revoke("nobody", by="eve")
    assert [act.by for act in ledger.history.trail()] == ["ada"]


def test_a_token_whose_making_can_not_be_recorded_is_not_made(
    ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise fl.StorageUnavailable("the store is away")

    monkeypatch.setattr(ledger._store, "append", refuse)
    with pytest.raises(fl.StorageUnavailable):
        ledger.tokens.create("dana", "admin")
    assert ledger.tokens.list() == []
