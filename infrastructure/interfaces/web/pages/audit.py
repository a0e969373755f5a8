"""Audit: what somebody did, the newest first, with what a save changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import NotFound
from .....domain.workflow import SAVED
from .....projections.history_beginning import HistoryBeginning
from .....projections.runs.audit_trail import KINDS, Act
from ....files.csv import write_csv
from ...presentation.documents import begins_document, row_columns, row_document, row_values, to_json
from ...presentation.inputs import read_moment
from ..rendering.frame import reader_zone
from .copy_as import CopyAs, command_line, python_call
from .page import Download, File, Page
from .query import check_names, text, whole
from .workflow_diff import ChangedText, Said, all_said, texts_of

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger
    from ..requests import Call

LIMIT: Final = 50
"""Acts of a page where the address doesn't say it."""

_FILTERS: Final = ("by", "on", "kind", "channel", "since", "until")
_NAMES: Final = frozenset({*_FILTERS, "after", "limit"})


@dataclass(frozen=True, slots=True)
class ShownAct:
    """An act in the list."""

    act: Act
    address: str | None
    """Of the page of what it was done to."""
    before: int | None
    """Of a save: the version that it changed."""
    said: tuple[Said, ...]
    """What it changed."""
    texts: tuple[ChangedText, ...]
    """The same, of texts, line by line."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the list."""

    days: tuple[tuple[ShownAct, ...], ...]
    """The acts of each day, as the reader counts days."""
    next: str | None
    asked: Mapping[str, str]
    """The filters, as the address has them."""
    limit: str | None
    """Acts of a page, where the address says it."""
    begins: HistoryBeginning | None
    """From when on it is whole, where it reaches back to what was removed."""
    is_first: bool
    kinds: tuple[str, ...]
    """Of what may have been done something to."""
    copy_as: CopyAs

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query of an address that asks for the same but for these changes."""
        return {**self.asked, "limit": self.limit, **changes}

    @property
    def acts(self) -> tuple[ShownAct, ...]:
        """All of them."""
        return tuple(act for day in self.days for act in day)


def load(call: Call) -> AuditPage:
    """Raises InvalidRequest, RunNotFound."""
    query = call.query
    check_names(query, _NAMES)
    asked = {name: value for name in _FILTERS if (value := text(query, name)) is not None}
    filters = _filters(asked)
    after = text(query, "after")
    found = call.ledger.history.trail(**filters, after=after, limit=whole(query, "limit", LIMIT))
    options = {"on" if name == "stream" else name: value for name, value in filters.items()}
    zone = reader_zone(call.request.cookies)[0]
    days = groupby((_shown(call, act) for act in found), lambda each: each.act.at.astimezone(zone).date())
    return AuditPage(
        tuple(tuple(acts) for _, acts in days),
        found.next,
        asked,
        text(query, "limit"),
        found.begins,
        after is None,
        tuple(KINDS),
        CopyAs(
            call.links.data("audit", **asked, after=after),
            command_line(["trail"], {**options, "after": after}),
            python_call("history.trail", {**filters, "after": after}),
        ),
    )


def _filters(asked: Mapping[str, str]) -> dict[str, Any]:
    """As ``history.trail`` takes them. Raises InvalidRequest."""
    return {
        "by": asked.get("by"),
        "stream": asked.get("on"),
        "kind": asked.get("kind"),
        "channel": asked.get("channel"),
        "since": read_moment(asked.get("since"), "since"),
        "until": read_moment(asked.get("until"), "until"),
    }


def _shown(call: Call, act: Act) -> ShownAct:
    said: Iterable[Said] = ()
    texts: Iterable[ChangedText] = ()
    before = None
    if act.type == SAVED:
        changed = _changed(call.ledger, act)
        if changed is not None:
            before, said, texts = changed
    return ShownAct(act, _address(call, act), before, tuple(said), tuple(texts))


def _changed(ledger: Ledger, act: Act) -> tuple[int, list[Said], list[ChangedText]] | None:
    """The save before, and what this one changed; None where one of them can't be read."""
    try:
        diff = ledger.workflows.diff(act.subject, act.version - 1, act.version)
    except NotFound:
        return None
    return diff.before.version, all_said(diff, ()), texts_of(diff)


def _address(call: Call, act: Act) -> str | None:
    if act.kind == "run":
        return call.links("run", run=act.subject, version=act.version)
    if act.kind == "workflow":
        return call.links("version", id=act.subject, n=act.version) if act.type == SAVED else None
    return None


def to_document(page: AuditPage) -> dict[str, Any]:
    """The acts as the command line's ``--json`` has them."""
    return {"acts": [row_document(shown.act) for shown in page.acts], "next": page.next} | begins_document(page.begins)


def _all_that_match(call: Call) -> Iterator[Sequence[Act]]:
    """The acts of all pages, some hundred at a time. Raises InvalidRequest, RunNotFound with the first ones."""
    check_names(call.query, _FILTERS)
    filters = _filters({name: value for name in _FILTERS if (value := text(call.query, name)) is not None})
    found = call.ledger.history.trail(**filters, limit=_AT_ONCE)
    yield found.items
    while found.next is not None:
        found = call.ledger.history.trail(**filters, after=found.next, limit=_AT_ONCE)
        yield found.items


_AT_ONCE: Final = 500


def _as_csv(call: Call) -> File:
    return File("audit.csv", "text/csv; charset=utf-8", _csv_of(_all_that_match(call)))


def _csv_of(lots: Iterator[Sequence[Act]]) -> Iterator[bytes]:
    titles = True
    for acts in lots:
        lines = StringIO()
        write_csv(lines, row_columns(Act), map(row_values, acts))
        said = lines.getvalue()
        yield (said if titles else said.partition("\n")[2]).encode()
        titles = False


def _as_json_lines(call: Call) -> File:
    lots = _all_that_match(call)
    lines = ("".join(f"{to_json(row_document(act), indent=None)}\n" for act in acts).encode() for acts in lots)
    return File("audit.jsonl", "application/jsonl", lines)


DOWNLOADS: Final = (
    Download("/audit.csv", "audit_csv", "viewer", _as_csv),
    Download("/audit.jsonl", "audit_jsonl", "viewer", _as_json_lines),
)
PAGES: Final = (Page("/audit", "audit", "viewer", load, "audit.html", to_document),)
