"""Search: the runs that have these words, with the place and the text of each hit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .....projections.history_beginning import HistoryBeginning
from .....projections.runs.summary import RunSummary
from .....projections.search.letters import fold_text
from .....projections.search.matches import Match
from ...presentation.documents import begins_document, row_document
from ..near_ids import runs_near
from ..rendering.versions import ShownVersion
from .copy_as import CopyAs, command_line, python_call
from .history import count_statuses
from .page import Page
from .query import check_names, text, whole
from .version_facts import read_versions

if TYPE_CHECKING:
    from ..requests import Call

LIMIT: Final = 20
"""Runs of a page where the address doesn't say it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a word was found."""

    place: str
    address: str
    """Of the run there."""
    before: str
    hit: str
    """What the word was found as."""
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """A run with these words."""

    run: RunSummary
    version: ShownVersion | None
    """None where its save can't be read."""
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What was found."""

    words: str | None
    """None: nothing was asked for yet."""
    found: tuple[Found, ...]
    next: str | None
    after: str | None
    behind: float | None
    """Seconds of the oldest event that the search lacks."""
    begins: HistoryBeginning | None
    """From when on it is whole, where it reaches back to what was removed."""
    counts: Mapping[str, int]
    """How many runs have the words, by status; none: nothing was asked for, or they are too many to be counted."""
    copy_as: CopyAs
    named: tuple[str, ...] = ()
    """Ids of runs that begin or end with the words: of one as it is shown, by its end, too."""

    @property
    def total(self) -> int:
        """How many runs have the words; 0: that isn't known."""
        return sum(self.counts.values())

    @property
    def places(self) -> Sequence[tuple[str, int]]:
        """In how many of the runs of this page a word was found first in which kind of place, the most first."""
        kinds = ({_KIND.split(hit.place, 1)[0] for hit in found.hits} for found in self.found)
        return Counter(kind for each in kinds for kind in sorted(each)).most_common()


def load(call: Call) -> SearchPage:
    """Raises InvalidRequest, also for a text without a word."""
    check_names(call.query, ("text", "after", "limit"))
    words, after = text(call.query, "text"), text(call.query, "after")
    copy_as = CopyAs(
        call.links.data("search", text=words, after=after),
        command_line(["history"], {"text": words, "after": after}),
        python_call("history.runs", {"text": words, "after": after}),
    )
    if words is None:
        return SearchPage(None, (), None, None, None, None, {}, copy_as)
    page = call.ledger.history.runs(text=words, after=after, limit=whole(call.query, "limit", LIMIT))
    versions = read_versions(call.ledger, ((run.workflow_id, run.workflow_version) for run in page))
    found = tuple(
        Found(
            run,
            versions.get((run.workflow_id, run.workflow_version)),
            tuple(_hit(call, run, match) for match in run.matches or ()),
        )
        for run in page
    )
    counts = count_statuses(call, {"text": words})
    named = runs_near(call.ledger, words) if after is None else ()
    return SearchPage(words, found, page.next, after, page.behind, page.begins, counts, copy_as, named)


_KIND: Final = re.compile(r"[.\[]")
"""Where the way into a value begins: ``payload.order``, ``output["ship"]``."""


def _hit(call: Call, run: RunSummary, match: Match) -> Hit:
    address = call.links("run", run=run.id, step=match.node_id, version=match.version)
    at = fold_text(match.text).find(match.word)
    end = at + len(match.word)
    # Folding may move a word; then nothing is marked rather than something else.
    if at < 0 or fold_text(match.text[at:end]) != match.word:
        return Hit(match.place, address, match.text, "", "")
    return Hit(match.place, address, match.text[:at], match.text[at:end], match.text[end:])


def to_document(page: SearchPage) -> dict[str, Any]:
    """The runs as the command line's ``--json`` has them."""
    return {"runs": [row_document(found.run) for found in page.found], "next": page.next} | begins_document(page.begins)


PAGES: Final = (Page("/search", "search", "viewer", load, "search.html", to_document),)
