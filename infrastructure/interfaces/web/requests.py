"""What a handler gets of a request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict, QueryParams
from starlette.requests import Request

from ...ledger.ledger import Ledger
from .links import Links
from .read_runs import ReadRuns
from .security.principals import Principal
from .security.refusals import Refusal

Form = ImmutableMultiDict[str, str]

SENT: Final = "flowledger.sent"
"""In the scope of a request: the form that it brought, to be kept where it can't be acted on now."""

MOST_FIELDS: Final = 10_000
"""Of a form."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said when the app was made."""

    title: str
    origins: frozenset[str] = frozenset()
    """Further ones that may send forms."""
    requests_per_minute: int | None = None
    """Of one person, at most."""
    record_views: bool = False
    """Keep on record who looked at what."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a page or a route of the API sees it."""

    request: Request
    ledger: Ledger
    principal: Principal | None
    """Who asks; None only on pages that are shown to people who haven't signed in."""
    links: Links
    now: datetime
    """By the ledger's clock: the moment of the page."""
    settings: Settings
    read_runs: ReadRuns
    """Reads runs, and keeps long ones."""
    form: Form = field(default_factory=Form)
    """What a POST brought."""
    work_on_bulk: Callable[[], None] = lambda: None
    """Lets this process work on bulk actions that were just asked for."""

    @property
    def by(self) -> str:
        """The actor of what is done."""
        return "unknown" if self.principal is None else self.principal.name

    def may(self, role: str) -> bool:
        """Whether who asks has this role, or one above it."""
        return self.principal is not None and self.principal.may(role)

    @property
    def query(self) -> QueryParams:
        """The part of the address behind ``?``."""
        return self.request.query_params

    def part(self, name: str) -> str:
        """A part of the path: ``call.part("run")`` of ``/runs/{run}``."""
        value: str = self.request.path_params[name]
        return value


async def read_form(request: Request) -> Form:
    """The fields of a form as browsers send them. Raises Refusal for another body, or too many fields."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and kind != "application/x-www-form-urlencoded":
        raise Refusal(415, "Not a form", f"a form is sent as application/x-www-form-urlencoded, not as {kind!r}")
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Refusal(400, "Not a form", f"the form can't be read: {error}") from error
    return Form([(name, value.replace("\r\n", "\n")) for name, value in fields])  # as browsers end lines
