"""All pages, in the order in which their addresses are tried."""

from typing import Final

from . import failures, history, run, waits
from .page import Page

PAGES: Final[tuple[Page, ...]] = (*history.PAGES, *run.PAGES, *waits.PAGES, *failures.PAGES)
