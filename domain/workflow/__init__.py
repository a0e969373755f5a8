"""The Workflow aggregate: the saved history of one definition. Its events, the state they fold into, its decisions."""

from .changes import (
    ABOUT,
    Changes,
    PartChanges,
    changes_between,
    compare_parts,
    edge_label,
    edge_terms,
    keyed_edges,
    keyed_nodes,
)
from .conflicts import StaleVersion, merge_over, refuse_stale
from .decisions import (
    Save,
    archive,
    change_nothing,
    refuse_archived,
    refuse_other_request,
    release,
    restore,
    save,
    snapshot_ids,
    with_key,
)
from .events import ARCHIVED, CREATED, RELEASED, RESTORED, SAVED, SAVES, JobCode
from .merge import ABSENT, Difference, Merge, Place, Side, merge
from .registry import WORKFLOW_EVENTS, evolve, state_of
from .snapshot import WorkflowSnapshot, snapshot_of
from .state import WorkflowState
from .versions import WorkflowVersion, versions_in
from .words import restoration_message

__all__ = [
    "ABOUT",
    "ABSENT",
    "ARCHIVED",
    "CREATED",
    "RELEASED",
    "RESTORED",
    "SAVED",
    "SAVES",
    "WORKFLOW_EVENTS",
    "Changes",
    "Difference",
    "JobCode",
    "Merge",
    "PartChanges",
    "Place",
    "Save",
    "Side",
    "StaleVersion",
    "WorkflowSnapshot",
    "WorkflowState",
    "WorkflowVersion",
    "archive",
    "change_nothing",
    "changes_between",
    "compare_parts",
    "edge_label",
    "edge_terms",
    "evolve",
    "keyed_edges",
    "keyed_nodes",
    "merge",
    "merge_over",
    "refuse_archived",
    "refuse_other_request",
    "refuse_stale",
    "release",
    "restoration_message",
    "restore",
    "save",
    "snapshot_ids",
    "snapshot_of",
    "state_of",
    "versions_in",
    "with_key",
]
