"""All pages, in the order in which their addresses are tried."""

from typing import Final

from . import compare, history, run
from .page import Page

PAGES: Final[tuple[Page, ...]] = (*history.PAGES, *run.PAGES, *compare.PAGES)
