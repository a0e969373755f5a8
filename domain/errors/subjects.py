"""Values of a subject can't be read, or there is no such subject."""

from ..visible import quoted, visible
from .base import FlowledgerError, NotFound


class SubjectNotFound(NotFound):
    """No run of this store belongs to this subject: none ever did, or it was erased, name and all."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        super().__init__(
            f"no subject {quoted(subject)} in this store: no run was started for it, or it was erased before, and its "
            "name with it; check how it is written"
        )


class Erased(FlowledgerError):
    """The values of a run were erased, so nothing can be executed with them. ``shown`` stands in their places."""

    def __init__(self, label: str, shown: str) -> None:
        self.label = label
        self.shown = shown
        super().__init__(
            f"{visible(label)} belongs to a subject that was erased: its values read {visible(shown)}, and nothing can "
            "be executed, replayed or begun with them; start a new run with new input"
        )


class KeyMissing(FlowledgerError):
    """The key of a subject isn't at hand: its values can't be read or written now. Nothing was written.

    ``shown`` stands in their places: the key is lost, no key ring was given, or the key ring doesn't answer.
    """

    def __init__(self, label: str, shown: str, reason: str) -> None:
        self.label = label
        self.shown = shown
        super().__init__(f"{visible(label)}: {reason}")
