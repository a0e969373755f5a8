"""One web application: what its routes share, and how a request becomes a call."""

from collections.abc import Callable, Mapping, MutableMapping
from threading import Lock
from typing import Any, Final, Literal

from starlette.requests import HTTPConnection, Request

from ....domain.values.clock import moment
from ...concurrency.threads import RunsInThread, threads_of
from ...ledger.ledger import Ledger, clock_of, sessions_of, viewings_of
from ...operations.bulk_thread import BulkThread
from ...services.access.viewings import ViewingRecord
from .links import Links
from .mounting import base_of, keep_base, keep_segments
from .read_runs import ReadRuns
from .requests import Call, Form, Settings
from .security.authentication import Authenticate, Authenticator, known_principal
from .security.principals import Principal
from .security.rates import RequestRate
from .security.refusals import role_missing
from .security.signing_in import SigningIn
from .streams import Streams

_SITE: Final = "flowledger.site"


class Site:
    """The ledger, who may see it, and the addresses of its pages."""

    def __init__(
        self,
        ledger: Ledger | Callable[[], Ledger],
        auth: Authenticate | Literal["tokens"] | None,
        settings: Settings,
        paths: Mapping[str, str],
    ) -> None:
        self.settings = settings
        self.signing_in: SigningIn | None = None
        """Where people sign in; None where somebody else says who asks."""
        if auth is None or auth == "tokens":
            self.signing_in = SigningIn(
                lambda: sessions_of(self.ledger), lambda: self.threads, takes_tokens=auth == "tokens"
            )
            self.authenticate = Authenticator(self.signing_in)
        else:
            self.authenticate = Authenticator(auth)
        self.streams = Streams()
        self._rate = RequestRate(settings.requests_per_minute)
        self.read_runs = ReadRuns()
        self._paths = paths
        self._lock = Lock()
        self._open = None if isinstance(ledger, Ledger) else ledger
        self._ledger = ledger if isinstance(ledger, Ledger) else None
        self._bulk: BulkThread | None = None
        self._viewings: ViewingRecord | None = None

    @property
    def ledger(self) -> Ledger:
        """The ledger, opened when it is first needed where the app was given a function that opens it."""
        with self._lock:
            if self._ledger is None:
                assert self._open is not None  # noqa: S101 - one of the two is there
                self._ledger = self._open()
            return self._ledger

    @property
    def viewings(self) -> ViewingRecord:
        """Who looked at what, where that is recorded."""
        ledger = self.ledger
        with self._lock:
            if self._viewings is None:
                self._viewings = viewings_of(ledger)
            return self._viewings

    @property
    def threads(self) -> RunsInThread:
        """Where pages are made: in the ledger's threads for its store, so that requests don't outnumber connections."""
        return threads_of(self.ledger).store

    @property
    def acting(self) -> RunsInThread:
        """Where acts are done: many execute steps, which take their time, and pages are to be made meanwhile."""
        return threads_of(self.ledger).executors

    def open(self) -> None:
        """Open the ledger where it isn't, and go on with bulk actions. Raises what opening it raises."""
        self.work_on_bulk()

    def work_on_bulk(self) -> None:
        """Work on bulk actions in this process, beside the requests, until nothing of them is open."""
        ledger = self.ledger
        with self._lock:
            if self._bulk is None:
                self._bulk = BulkThread(ledger.bulk)
            self._bulk.wake()

    def close(self) -> None:
        """Hand back what is worked on, and close the ledger where the app opened it."""
        with self._lock:
            if self._bulk is not None:
                self._bulk.close()
                self._bulk = None
            if self._open is not None and self._ledger is not None:
                self._ledger.close()
                self._ledger = self._viewings = None
                self.read_runs = ReadRuns()

    def enter(self, scope: MutableMapping[str, Any]) -> None:
        """Let the routes below know of this site, and where it is mounted."""
        scope[_SITE] = self
        keep_base(scope)
        keep_segments(scope)

    def links(self, request: HTTPConnection) -> Links:
        """The addresses as this request's caller is to see them."""
        return Links(base_of(request), self._paths)

    async def admit(self, request: Request, role: str, form: Form | None = None) -> Call:
        """The call, for somebody who has the role. Raises Refusal."""
        principal = await self.authenticate(request)
        self._rate.count(principal.name)
        if not principal.may(role):
            raise role_missing(principal, role)
        return self.call(request, principal, form)

    def call(self, request: Request, principal: Principal | None, form: Form | None = None) -> Call:
        """The call of whoever asks."""
        ledger = self.ledger
        now = moment(clock_of(ledger)())
        return Call(
            request,
            ledger,
            principal,
            self.links(request),
            now,
            self.settings,
            self.read_runs,
            form or Form(),
            self.work_on_bulk,
        )

    def call_of_anybody(self, request: Request) -> Call:
        """The call of somebody who may not have signed in: for the page that says so."""
        return self.call(request, known_principal(request))


def site_of(request: HTTPConnection) -> Site:
    """The site that a request is for."""
    site: Site = request.scope[_SITE]
    return site
