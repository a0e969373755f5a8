"""All pages, in the order in which their addresses are tried."""

from typing import Final

from . import compare, failures, history, run, waits
from .page import Page

PAGES: Final[tuple[Page, ...]] = (*history.PAGES, *run.PAGES, *compare.PAGES, *failures.PAGES, *waits.PAGES)
