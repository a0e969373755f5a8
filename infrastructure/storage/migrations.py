"""Migrate a store's tables to the schema that this code knows, once, however many processes start at the same time."""

from collections.abc import Iterator

from ...domain.errors import StorageUnavailable
from .sql import Dialect, migrations, schema


def newest(dialect: Dialect) -> int:
    """The schema version that this code knows."""
    return max(migrations(dialect))


def is_current(dialect: Dialect, version: int) -> bool:
    """Whether nothing is left to apply. Raises StorageUnavailable for a store that is newer than the code."""
    known = newest(dialect)
    if version > known:
        raise StorageUnavailable(
            f"this store was written by a newer flowledger (schema {version}, known here: {known}): upgrade flowledger"
        )
    return version == known


def statements(dialect: Dialect, version: int) -> Iterator[str]:
    """The statements that migrate a store from ``version`` (0: there is none) to the newest schema.

    Whoever holds the store's lock executes them in order, in a transaction. A new store never gets the tables of old
    ones, as other software may have tables of the same names.
    """
    if version == 0:
        yield from schema(dialect)
        yield _at(newest(dialect))
        return
    for number, paragraphs in migrations(dialect).items():
        if number > version:
            yield from paragraphs
            yield _at(number)


def _at(version: int) -> str:
    return f"UPDATE flowledger_schema SET version = {version};"  # noqa: S608 - the number of a file of ours
