"""Links that sign in once, as whoever has this machine: for who starts a server at a terminal."""

from secrets import token_urlsafe
from threading import Lock


class OneTimeLinks:
    """The links of one process, and the sessions that were begun with them: all of them end with it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._unused: set[str] = set()
        self._sessions: set[str] = set()

    def make(self) -> str:
        """The secret of a new link."""
        secret = token_urlsafe(32)
        with self._lock:
            self._unused.add(secret)
        return secret

    def use(self, secret: str) -> str | None:
        """Begin a session with a link: its secret. None where there is no such link any more."""
        with self._lock:
            if secret not in self._unused:
                return None
            self._unused.remove(secret)
            session = token_urlsafe(32)
            self._sessions.add(session)
            return session

    def knows(self, session: str) -> bool:
        """Whether a session was begun with one of the links, and hasn't ended."""
        return session in self._sessions

    def end(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.discard(session)
