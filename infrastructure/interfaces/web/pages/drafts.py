"""The drafts of a workflow: who saved which when, and what each would change of what is live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .....domain.workflow import WorkflowVersion
from ...presentation.documents import version_document
from .copy_as import CopyAs, command_line, python_call
from .page import Page
from .query import check_names, whole
from .version_list import changes_words

if TYPE_CHECKING:
    from ..requests import Call

SHOWN: Final = 20
"""Drafts of a page: each is compared with what is live."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A save that was never live."""

    version: WorkflowVersion
    changed: str | None
    """What is other in it than in the live version, in words; None where none is live."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Those of a workflow, the newest first."""

    workflow_id: str
    live: WorkflowVersion | None
    """None: each save is a draft."""
    archived: bool
    drafts: tuple[Draft, ...]
    count: int
    before: int | None
    """The address of older ones has it; None: these are the oldest."""
    copy_as: CopyAs

    @property
    def is_edited_next(self) -> bool:
        """Whether the latest version is among these, so that whoever edits begins with a draft."""
        return any(draft.version.is_latest for draft in self.drafts)


def load(call: Call) -> Drafts:
    """Raises WorkflowNotFound, InvalidRequest."""
    check_names(call.query, ("before",))
    workflow_id, before = call.part("id"), whole(call.query, "before", 0)
    workflows = call.ledger.workflows
    versions = workflows.versions(workflow_id)
    live = next((each for each in versions if each.is_live), None)
    drafts = [each for each in reversed(versions) if each.is_draft and each.kind == "saved"]
    listed = [each for each in drafts if not before or each.version < before]
    shown = listed[:SHOWN]
    return Drafts(
        workflow_id,
        live,
        workflows.get(workflow_id).archived,
        tuple(Draft(each, None if live is None else _changed(call, live, each)) for each in shown),
        len(drafts),
        shown[-1].version if len(listed) > SHOWN else None,
        CopyAs(
            call.links.data("drafts", id=workflow_id),
            command_line(["workflow", "versions", workflow_id], {}),
            python_call("workflows.versions", {}, workflow_id),
        ),
    )


def _changed(call: Call, live: WorkflowVersion, draft: WorkflowVersion) -> str:
    return changes_words(call.ledger.workflows.diff(draft.workflow_id, live.version, draft.version).summary)


def to_document(page: Drafts) -> dict[str, Any]:
    """The drafts, each with what it would change."""
    return {
        "workflowId": page.workflow_id,
        "live": None if page.live is None else page.live.version,
        "drafts": [{**version_document(each.version), "changed": each.changed} for each in page.drafts],
        "count": page.count,
        "before": page.before,
    }


PAGES: Final = (Page("/workflows/{id}/drafts", "drafts", "viewer", load, "drafts.html", to_document),)
