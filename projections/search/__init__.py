"""What a search finds a run by: the words of its events, and the document of its values."""

from .document import LEFT_OUT, VARIABLES
from .entry import SearchEntry, document_of, is_searched, words_of
from .words import CUT, prefixes

__all__ = ["CUT", "LEFT_OUT", "VARIABLES", "SearchEntry", "document_of", "is_searched", "prefixes", "words_of"]
