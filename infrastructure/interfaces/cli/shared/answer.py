"""How commands on a run answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ...presentation import console as views
from ...presentation.documents import run_document
from .session import Session

if TYPE_CHECKING:
    from .....projections.runs.run import Run


def answer_run(session: Session, run: Run) -> None:
    """Print the run; exit status 1 where it has failed."""
    if run.status == "failed":
        session.exit_code = 1
    if not run.created:
        print("the key is known, and nothing was started: this is the run as it stands", file=sys.stderr)
    session.answer(run_document(run), lambda console: views.print_run(console, run))
