"""All pages, in the order in which their addresses are tried."""

from typing import Final

from . import (
    audit,
    canvas,
    compare,
    compare_choice,
    drafts,
    failures,
    history,
    preferences,
    report,
    run,
    run_logs,
    run_parts,
    saved_filters,
    search,
    steps,
    tokens,
    waits,
    workflow_diff,
    workflows,
)
from .acts import fork, reproduce, retry, start, steer, workflow
from .bulk import action, listing, preview
from .editing import page as editing
from .page import Download, Page
from .retention import apply, erase, overview

PAGES: Final[tuple[Page, ...]] = (
    *history.PAGES,
    *saved_filters.PAGES,
    *run.PAGES,
    *run_parts.PAGES,
    *run_logs.PAGES,
    *steer.PAGES,
    *retry.PAGES,
    *reproduce.PAGES,
    *fork.PAGES,
    *start.PAGES,
    *workflow.PAGES,
    *compare.PAGES,
    *compare_choice.PAGES,
    *listing.PAGES,
    *preview.PAGES,
    *action.PAGES,
    *waits.PAGES,
    *failures.PAGES,
    *steps.PAGES,
    *workflows.PAGES,
    *drafts.PAGES,
    *editing.PAGES,
    *canvas.PAGES,
    *workflow_diff.PAGES,
    *audit.PAGES,
    *overview.PAGES,
    *apply.PAGES,
    *erase.PAGES,
    *search.PAGES,
    *tokens.PAGES,
    *preferences.PAGES,
)

DOWNLOADS: Final[tuple[Download, ...]] = (*report.DOWNLOADS, *audit.DOWNLOADS)
"""All files that pages offer."""
