"""``ledger.tokens``: tokens for the pages and the API, and the sessions of who signs in with one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from ....domain.errors import InvalidRequest, NotFound
from ....domain.execution.step_loop import check_actor
from ....domain.live import Unpicklable
from ....domain.ports import ExpectedVersion, Write
from ....domain.tokens import TOKENS, made, revoked
from ....domain.values.clock import micros, moment
from ....domain.values.roles import ROLES, Role
from ....domain.visible import quoted
from ....projections.access import Token
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...storage.access_table import AccessTable, TokenRow

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore

PREFIX: Final = "fl_"
"""What every token begins with, so that scanners of leaked secrets know one."""

LONGEST_NAME: Final = 200
"""Characters."""


class Tokens(Unpicklable):
    """``ledger.tokens``: make tokens for the pages and the API, list them, take them back."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, store: "LedgerEventStore", now: Callable[[], int], threads: Threads) -> None:
        self._store = store
        self._now = now
        self._threads = threads

    def create(
        self, name: str, role: Role, *, expires: timedelta | datetime | None = None, by: str = "unknown"
    ) -> Token:
        """Make a token, and return it with its ``secret``, which is kept nowhere: what is lost is made anew.

        ``name`` is the actor of what is done with it. ``role``: ``viewer``, ``operator``, ``editor`` or ``admin``.
        ``expires``: after so long, or at an aware datetime; None: never. Two that are valid have two names.

        Raises InvalidRequest (also where a token of that name is in use, or a store of your own keeps none),
        InvalidValue, StoreReadOnly, StorageUnavailable.
        """
        check_actor(name, "name")
        check_actor(by)
        if len(name) > LONGEST_NAME:
            raise InvalidRequest(f"a name of {len(name):,} characters: {LONGEST_NAME} are the most")
        if role not in ROLES:
            raise InvalidRequest(f"role {quoted(role)} is none of {', '.join(ROLES)}")
        now = self._now()
        expires_at = _expiry(expires, now)
        table = self._table()
        secret = PREFIX + token_urlsafe(32)
        row = TokenRow(digest_of_secret(secret), name, role, by, now, expires_at, None, None, None)
        before = _in_use(table, name)
        if before is not None:
            if not has_expired(before, now):
                raise _name_in_use(name)
            table.revoke(before.digest, by, now)  # it leaves its name to another
        # Recorded first: where the process dies in between, the trail tells of a token whose secret nobody has got, and
        # never the other way round. Of two that are made at once, the one that comes second is told of and refused.
        self._store.append(Write(TOKENS, ExpectedVersion.ANY, [made(name, role, expires_at, by=by, now=now)]))
        if not table.add(row):
            raise _name_in_use(name)
        return token_of(row, secret)

    def list(self) -> list[Token]:
        """Return every token that was ever made, those first that were made first.

        Raises StorageUnavailable.
        """
        return [token_of(row) for row in self._table().tokens()]

    def revoke(self, name: str, *, by: str = "unknown") -> Token:
        """Take the token that is in use under ``name`` back, and return it: it is refused from now on, and who has
        signed in with it is signed out.

        Raises NotFound (no token of that name is in use), InvalidRequest, StoreReadOnly, StorageUnavailable.
        """
        check_actor(by)
        table = self._table()
        found = _in_use(table, name)
        if found is None:
            raise NotFound(f"no token {quoted(name)} is in use: see flowledger token list")
        now = self._now()
        table.revoke(found.digest, by, now)  # first: where the process dies in between, it is refused all the same
        self._store.append(Write(TOKENS, ExpectedVersion.ANY, [revoked(name, by=by, now=now)]))
        return token_of(table.token(found.digest) or found)

    def _table(self) -> AccessTable:
        return access_table(self._store)

    acreate = run_in_thread(create)
    alist = run_in_thread(list)
    arevoke = run_in_thread(revoke)


def access_table(store: "LedgerEventStore") -> AccessTable:
    """Where a store keeps tokens. Raises InvalidRequest where it keeps none."""
    if store.access is None:
        raise InvalidRequest("a store of your own keeps no tokens: give create_app(…, auth=…) a callable")
    return store.access


def digest_of_secret(secret: str) -> str:
    """What the store keeps of a secret. One of 256 random bits needs no slow hash: nobody guesses it."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def has_expired(row: TokenRow, now: int) -> bool:
    """Whether its time is over."""
    return row.expires_at is not None and row.expires_at <= now


def _name_in_use(name: str) -> InvalidRequest:
    return InvalidRequest(f"a token {quoted(name)} is in use: revoke it first, or choose another name")


def _in_use(table: AccessTable, name: str) -> TokenRow | None:
    return next((row for row in table.tokens() if row.name == name and row.revoked_at is None), None)


def _expiry(expires: object, now: int) -> int | None:
    if expires is None:
        return None
    try:
        at = now + expires // timedelta(microseconds=1) if isinstance(expires, timedelta) else micros(expires)  # type: ignore[arg-type]
        moment(at)
    except (TypeError, AttributeError, OverflowError, ValueError):
        raise InvalidRequest(f"expires {quoted(expires)} is neither a timedelta nor an aware datetime") from None
    if at <= now:
        raise InvalidRequest(f"expires {moment(at).isoformat()} has passed: the token could never be used")
    return at


def token_of(row: TokenRow, secret: str | None = None) -> Token:
    """The token of a row of the table."""
    return Token(
        row.name,
        row.role,  # type: ignore[arg-type]  # the table takes no other
        row.made_by,
        moment(row.made_at),
        _moment(row.expires_at),
        _moment(row.used_at),
        row.revoked_by,
        _moment(row.revoked_at),
        secret,
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)
