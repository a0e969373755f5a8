"""The table of the keys of subjects, each wrapped by a master key. It has no history: what is deleted is gone."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import translate_errors
from ..recorder import LedgerRecorder
from ..sql import queries

_ROWS = 500


class WrappedKey(NamedTuple):
    """The key of one subject, as it is stored."""

    id: str
    subject: str
    wrapped: bytes
    made_at: int


class SubjectKeyTable:
    """One statement for each change. Raises StorageUnavailable, StorageCorrupt."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self.recorder = recorder
        self._sql = queries(recorder.dialect, "subjects.sql")

    def find(self, subject: str) -> WrappedKey | None:
        """The key of a subject."""
        return _first(self._query("subject_key", subject=subject))

    def get(self, key_id: str) -> WrappedKey | None:
        """The key of an id."""
        return _first(self._query("subject_key_by_id", id=key_id))

    def all(self) -> Iterator[WrappedKey]:
        """All of them, by id."""
        after = ""
        while rows := self._query("subject_keys", after=after, rows=_ROWS):
            yield from map(_key, rows)
            after = rows[-1][0]

    def add(self, key: WrappedKey) -> WrappedKey:
        """Enter the key of a subject that has none. The one that it has then: another process may have been first."""
        self._change("add_subject_key", **key._asdict())
        return self.find(key.subject) or key

    def rewrap(self, key: WrappedKey, wrapped: bytes) -> None:
        """Replace what a key is wrapped as, unless that was done meanwhile."""
        self._change("rewrap_subject_key", id=key.id, before=key.wrapped, wrapped=wrapped)

    def destroy(self, key: WrappedKey) -> None:
        """Overwrite a key and the name of its subject, and delete the row."""
        with translate_errors():
            self.recorder.prepare_scrub()
        self._change("overwrite_subject_key", id=key.id, nothing=bytes(len(key.wrapped)))
        self._change("delete_subject_key", id=key.id)

    def _change(self, query: str, **parameters: Any) -> None:
        with translate_errors():
            self.recorder.change(self._sql[query], parameters)

    def _query(self, query: str, **parameters: Any) -> list[Any]:
        with translate_errors():
            return self.recorder.query(self._sql[query], parameters)


def _first(rows: list[Any]) -> WrappedKey | None:
    return _key(rows[0]) if rows else None


def _key(row: Any) -> WrappedKey:
    return WrappedKey(row[0], row[1], bytes(row[2]), row[3])
