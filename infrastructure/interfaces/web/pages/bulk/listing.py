"""All bulk actions, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......projections.bulk_action import BulkAction
from ....presentation.documents import row_document
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page
from ..query import check_names, text, whole

if TYPE_CHECKING:
    from ...requests import Call

LIMIT: Final = 25


@dataclass(frozen=True, slots=True)
class BulkListPage:
    """A page of the list."""

    actions: tuple[BulkAction, ...]
    after: str | None
    next: str | None
    copy_as: CopyAs


def load(call: Call) -> BulkListPage:
    """Raises InvalidRequest."""
    check_names(call.query, ("after", "limit"))
    after = text(call.query, "after")
    found = call.ledger.bulk.list(after=after, limit=whole(call.query, "limit", LIMIT))
    return BulkListPage(
        found.items,
        after,
        found.next,
        CopyAs(call.links.api("/bulk"), command_line(["bulk", "list"], {}), python_call("bulk.list", {})),
    )


def to_document(page: BulkListPage) -> dict[str, Any]:
    """The same as data."""
    return {"bulk": [row_document(action) for action in page.actions], "next": page.next}


PAGES = (Page("/bulk", "bulk_list", "viewer", load, "bulk/list.html", to_document),)
