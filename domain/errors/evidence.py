"""An authority has given no time stamp."""

from .base import FlowledgerError


class NotStamped(FlowledgerError):
    """An authority gave no time stamp of a checkpoint: it is away, refuses, or answers something else.

    Nothing was written. The checkpoint is as good as before, and can be stamped later, or by another authority.
    """
