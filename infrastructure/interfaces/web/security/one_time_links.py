"""Links that sign in once, as an admin: for who starts a server at a terminal."""

from secrets import token_urlsafe
from threading import Lock

from .principals import Principal


class OneTimeLinks:
    """The links of one process, and the sessions that were begun with them: all of them end with it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._unused: dict[str, Principal] = {}
        self._sessions: dict[str, Principal] = {}

    def make(self, principal: Principal) -> str:
        """The secret of a new link, which signs in as somebody."""
        secret = token_urlsafe(32)
        with self._lock:
            self._unused[secret] = principal
        return secret

    def use(self, secret: str) -> str | None:
        """Begin a session with a link: its secret. None where there is no such link any more."""
        with self._lock:
            principal = self._unused.pop(secret, None)
            if principal is None:
                return None
            session = token_urlsafe(32)
            self._sessions[session] = principal
            return session

    def find(self, session: str) -> Principal | None:
        """Who has signed in with a link, and hasn't signed out."""
        return self._sessions.get(session)

    def end(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(session, None)
