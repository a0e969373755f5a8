"""Finding out whose token it is, and the sessions of who signs in with one in a browser."""

from collections.abc import Callable
from contextlib import suppress
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final, NamedTuple

from ....domain.errors import StoreReadOnly
from ....domain.values.clock import micros
from ....projections.access import Token
from ...storage.access_table import TokenRow
from .tokens import PREFIX, access_table, digest_of_secret, has_expired, token_of

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore

LONGEST_SESSION: Final = 30 * 86_400 * 1_000_000
"""Microseconds after which somebody signs in again, however long the token is valid."""

_A_MINUTE: Final = 60 * 1_000_000


class Session(NamedTuple):
    """Somebody has signed in."""

    secret: str
    """What the browser shows from now on."""
    token: Token
    seconds: int
    """How long the session lasts."""


class Sessions:
    """Of one store. Its methods raise InvalidRequest (a store of your own keeps none), StorageUnavailable."""

    def __init__(self, store: "LedgerEventStore", now: Callable[[], int]) -> None:
        self._table = access_table(store)
        self._now = now

    def find_token(self, secret: str) -> Token | None:
        """The token with this secret, where it is valid now."""
        if not secret.startswith(PREFIX):
            return None
        return self._valid(self._table.token(digest_of_secret(secret)))

    def why_refused(self, secret: str) -> str:
        """Why a token isn't taken, for who shows it."""
        row = self._table.token(digest_of_secret(secret))
        if row is None:
            return "no token is like this one"
        if row.revoked_at is not None:
            return "this token was revoked"
        return "this token has expired"

    def begin(self, secret: str) -> Session | None:
        """Sign in with a token; None where it isn't valid now. Raises StoreReadOnly."""
        token = self.find_token(secret)
        if token is None:
            return None
        now, session = self._now(), token_urlsafe(32)
        ends_at = now + LONGEST_SESSION if token.expires_at is None else micros(token.expires_at)
        ends_at = min(ends_at, now + LONGEST_SESSION)
        self._table.begin_session(digest_of_secret(session), digest_of_secret(secret), now, ends_at)
        return Session(session, token, (ends_at - now) // 1_000_000)

    def find(self, session: str) -> Token | None:
        """The token with which a session was begun, where both are valid now."""
        return self._valid(self._table.session(digest_of_secret(session), self._now()))

    def end(self, session: str) -> None:
        """Sign out. Raises StoreReadOnly."""
        self._table.end_session(digest_of_secret(session))

    def _valid(self, row: TokenRow | None) -> Token | None:
        now = self._now()
        if row is None or row.revoked_at is not None or has_expired(row, now):
            return None
        if row.used_at is None or row.used_at < now - _A_MINUTE:
            with suppress(StoreReadOnly):  # a replica knows who may read, and notes nothing
                self._table.use(row.digest, now, now - _A_MINUTE)
        return token_of(row)
