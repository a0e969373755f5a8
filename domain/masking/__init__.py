"""Values of ``globals`` kept out of what is recorded."""

from .forms import LONGEST_FORM
from .masker import MASK, Masker

__all__ = ["LONGEST_FORM", "MASK", "Masker"]
