"""What a search finds a run by: the words of its events, and the document of its values."""

from .document import LEFT_OUT, VARIABLES
from .entry import SearchEntry, is_searched
from .words import CUT, prefixes

__all__ = ["CUT", "LEFT_OUT", "VARIABLES", "SearchEntry", "is_searched", "prefixes"]
