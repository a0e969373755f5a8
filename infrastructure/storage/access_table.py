"""The tables of tokens and sessions: who may use the pages and the API. No secret is in them, only digests."""

from typing import Any, NamedTuple

from .errors import translate_errors
from .recorder import LedgerRecorder
from .sql import queries


class TokenRow(NamedTuple):
    """A token that was made; times in microseconds since 1970."""

    digest: str
    """SHA-256 (hex) of what its owner shows."""
    name: str
    role: str
    made_by: str
    made_at: int
    expires_at: int | None
    used_at: int | None
    """When it was used last, within a minute."""
    revoked_by: str | None
    revoked_at: int | None


class AccessTable:
    """One statement for each change. Raises StorageUnavailable, StorageCorrupt."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._sql = queries(recorder.dialect, "access.sql")

    def add(self, row: TokenRow) -> bool:
        """Enter a new token. False where one of its name is in use."""
        self._change("add_token", **row._asdict())
        return self.token(row.digest) is not None

    def tokens(self) -> list[TokenRow]:
        """All of them, those first that were made first; also those that were revoked, or have expired."""
        return list(map(TokenRow._make, self._query("tokens")))

    def token(self, digest: str) -> TokenRow | None:
        """The token of this digest."""
        return _first(self._query("token", digest=digest))

    def use(self, digest: str, now: int, before: int) -> None:
        """Note that it was used, unless it was noted since ``before``."""
        self._change("use_token", digest=digest, now=now, before=before)

    def revoke(self, digest: str, by: str, now: int) -> None:
        """Take it back; what was taken back before stays so."""
        self._change("revoke_token", digest=digest, by=by, now=now)

    def begin_session(self, digest: str, token_digest: str, now: int, ends_at: int) -> None:
        """Enter a session; those that have ended are forgotten."""
        self._change("forget_sessions", now=now)
        self._change("begin_session", digest=digest, token_digest=token_digest, now=now, ends_at=ends_at)

    def session(self, digest: str, now: int) -> TokenRow | None:
        """The token with which a session was begun that hasn't ended."""
        return _first(self._query("session", digest=digest, now=now))

    def end_session(self, digest: str) -> None:
        """Forget a session."""
        self._change("end_session", digest=digest)

    def _change(self, query: str, **parameters: Any) -> None:
        with translate_errors():
            self._recorder.change(self._sql[query], parameters)

    def _query(self, query: str, **parameters: Any) -> list[Any]:
        with translate_errors():
            return self._recorder.query(self._sql[query], parameters)


def _first(rows: list[Any]) -> TokenRow | None:
    return TokenRow._make(rows[0]) if rows else None
