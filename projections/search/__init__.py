"""What a search matches: the words of a run's events, and the document of its values."""

from .document import LEFT_OUT, VARIABLES, key_of
from .entry import MISFITS, SEARCH_REVISION, SearchEntry, document_of, is_searched, new_entry, words_of
from .words import CUT, WordQuery, word_query

__all__ = [
    "CUT",
    "LEFT_OUT",
    "MISFITS",
    "SEARCH_REVISION",
    "VARIABLES",
    "SearchEntry",
    "WordQuery",
    "document_of",
    "is_searched",
    "key_of",
    "new_entry",
    "word_query",
    "words_of",
]
