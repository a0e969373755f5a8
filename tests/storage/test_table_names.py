"""All that a store makes is called flowledger_…, so that other software may have tables beside it."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage import migrations

from .catalogue import catalogue_of, names_in
from .clusters import new_user, run_sql
from .index import index_of
from .older import LAST_WITH_OLD_NAMES, TABLES, copy_store, dialect_of, executing, make_store

THEIRS = {
    "checkpoints": "thread_id text PRIMARY KEY, checkpoint text",
    "search": "q text",
    "stored_events": "originator_id text, originator_version bigint, PRIMARY KEY (originator_id, originator_version)",
    "index_runs": "id int",
    "search_words": "word text",
    "rebuilt_runs": "id int",
}
"""Tables of other software that old stores have, too."""

executors = fl.ExecutorRegistry()


@executors.register("echo")
def echo(step: fl.StepContext) -> Any:
    return step.payload


def use(url: str, words: tuple[str, ...] = ("zebra",)) -> None:
    with fl.open_ledger(url, executors, checkpoint_every=1) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w", by="ada")
        for word in words:
            run = ledger.runs.start("w", payload={"word": word}, by="bob")
            assert len(ledger.history.runs(text=word)) == 1
            assert ledger.history.snapshot(run.id).status == "completed"


@pytest.fixture
def beside(durable_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Call it for the URL of another empty store beside that one."""
    numbers = count()

    def create() -> str:
        if dialect_of(durable_url) == "sqlite":
            return f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
        new: Callable[[], str] = request.getfixturevalue("new_postgres_url")
        return new()

    return create


def test_all_names_are_ours(durable_url: str) -> None:
    use(durable_url)
    names = names_in(durable_url)
    assert len(names) > 30
    assert [name for name in names if not name.startswith("flowledger_")] == []


def test_a_new_store_is_what_the_migrations_make_of_any_old_one(durable_url: str, beside: Callable[[], str]) -> None:
    open_store(durable_url).close()
    made = catalogue_of(durable_url)
    for version in range(1, migrations.newest(dialect_of(durable_url)) + 1):
        old = beside()
        make_store(old, version)
        open_store(old).close()
        migrated = catalogue_of(old)
        assert migrated == made, f"from {version}"


def test_an_old_store_keeps_all_it_has(beside: Callable[[], str]) -> None:
    new, old = beside(), beside()
    use(new, ("zebra", "gnu"))
    make_store(old, LAST_WITH_OLD_NAMES[dialect_of(old)])
    copy_store(new, old)
    with executing(new) as execute:
        kept = {table: execute(f"SELECT * FROM {table}") for table in TABLES.values()}
    with fl.open_ledger(old, executors) as ledger:
        for word in ("zebra", "gnu"):
            assert len(ledger.history.runs(text=word)) == 1
        ledger.runs.start("w", payload={"word": "zebra"}, by="bob")
        assert len(ledger.history.runs(text="zebra")) == 2
        ledger.runs.start("w", payload={"word": "okapi"}, by="bob")
        assert len(ledger.history.runs(text="okapi")) == 1
        assert len(ledger.history.runs()) == 4
        assert ledger.verify().ok
        with executing(old) as execute:
            for table, rows in kept.items():
                assert not_in(execute(f"SELECT * FROM {table}"), rows) == [], table
        before = index_of(ledger._store)
        ledger.rebuild()
        assert index_of(ledger._store) == before
    assert [name for name in names_in(old) if not name.startswith("flowledger_")] == []


def not_in(rows: list[Any], kept: list[Any]) -> list[Any]:
    return [row for row in kept if row not in rows]


@pytest.mark.parametrize("name", THEIRS)
def test_a_store_is_made_beside_a_table_of_another(new_postgres_url: Callable[[], str], name: str) -> None:
    url = new_postgres_url()
    run_sql(url, f"CREATE TABLE {name} ({THEIRS[name]})")
    use(url)
    with executing(url) as execute:
        assert execute(f"SELECT count(*) FROM {name}") == [(0,)]


def test_others_may_make_tables_beside_a_store(durable_url: str) -> None:
    use(durable_url)
    with executing(durable_url) as execute:
        for name, columns in THEIRS.items():
            execute(f"CREATE TABLE {name} ({columns})")
    use(durable_url, ("gnu",))
    with fl.open_ledger(durable_url, executors) as ledger:
        ledger.rebuild()
        assert len(ledger.history.runs(text="gnu")) == 1
    with executing(durable_url) as execute:
        for name in THEIRS:
            assert execute(f"SELECT count(*) FROM {name}") == [(0,)]


def test_rights_and_owners_stay_with_the_tables(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    make_store(url, 5)
    ours = "relnamespace = current_schema()::regnamespace"
    rights = f"SELECT oid::regclass::text, relacl::text, relowner FROM pg_class WHERE {ours}"
    with new_user(url) as reader, new_user(url, "SUPERUSER") as owner:
        run_sql(url, f"GRANT SELECT ON index_runs TO {reader}", f"GRANT INSERT ON stored_events TO {reader}")
        run_sql(url, f"ALTER TABLE search OWNER TO {owner}")
        with executing(url) as execute:
            before = {name: found for name, *found in execute(rights)}
        open_store(url).close()
        with executing(url) as execute:
            after = {name: found for name, *found in execute(rights)}
            assert {new: after[new] for new in TABLES.values()} == {new: before[old] for old, new in TABLES.items()}
            execute(f"ALTER TABLE flowledger_search OWNER TO CURRENT_USER; REASSIGN OWNED BY {owner} TO CURRENT_USER")


def test_code_that_knows_the_old_names_is_told_so_and_writes_nowhere(new_postgres_url: Callable[[], str]) -> None:
    """As that of a process which was started before the store was brought up to date."""
    url = new_postgres_url()
    make_store(url, 5)
    open_store(url).close()
    with executing(url) as execute, pytest.raises(Exception, match="stored_events"):
        execute("INSERT INTO stored_events VALUES (1, 1, 'a', 'b', '')")
