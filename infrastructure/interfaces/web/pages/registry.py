"""All pages, in the order in which their addresses are tried."""

from typing import Final

from . import history
from .page import Page

PAGES: Final[tuple[Page, ...]] = (*history.PAGES,)
