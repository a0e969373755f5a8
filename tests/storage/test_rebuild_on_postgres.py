"""PostgreSQL: the index is corrected in slices, with the rights of an application, while others read and write."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.storage.index_writer import TABLES
from flowledger.infrastructure.storage.postgres import index as postgres_index
from flowledger.infrastructure.storage.postgres.index import PostgresIndexRebuild
from flowledger.infrastructure.storage.sql import grants

from ..effort import tries
from .clusters import as_user, ask, new_user, run_sql
from .index import index_of
from .test_granted_rights import Store, granted
from .test_rebuild import executors, fill


@pytest.fixture(scope="module")
def app(postgres_url: str) -> Iterator[str]:
    with new_user(postgres_url) as name:
        yield name


@pytest.fixture
def store(new_postgres_url: Callable[[], str], app: str) -> Store:
    return granted(new_postgres_url(), app)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_index, "SLICE", 3)


damages = st.lists(
    st.tuples(
        st.sampled_from(TABLES),
        st.sampled_from(["lost", "changed", "doubled"]),
        st.integers(1, 5),  # of so many rows one
        st.integers(0, 4),
    ),
    max_size=6,
)


def damage(table: str, kind: str, of: int, number: int) -> str:
    """A statement that damages some rows."""
    keys = {"flowledger_index_runs": "run_id", "flowledger_index_work_orders": "work_order_id"}
    key = keys.get(table, "stream" if table == "flowledger_index_changes" else "workflow_id")
    some = f"(hashtext({key}) % {of} + {of}) % {of} = {number % of}"
    actor = {"flowledger_index_changes": "type"}.get(table, "actor")
    if kind == "lost":
        return f"DELETE FROM {table} WHERE {some}"
    if kind == "changed":
        return f"UPDATE {table} SET {actor} = 'mallory' WHERE {some}"
    column = "version" if table in ("flowledger_index_changes", "flowledger_index_saves") else key
    other = "version + 1000" if column == "version" else f"'forged ' || {key}"
    return (
        f"INSERT INTO {table} SELECT (json_populate_record(one, json_build_object('{column}', {other}))).* "
        f"FROM {table} AS one WHERE {some} ON CONFLICT DO NOTHING"
    )


@pytest.mark.scaled
@pytest.mark.usefixtures("small_slices")
def test_whatever_rows_were_lost_changed_or_added_the_index_is_that_of_the_events(store: Store) -> None:
    with fl.open_ledger(store.app, executors) as ledger:
        fill(ledger)
        right = index_of(ledger._store)

        @settings(max_examples=tries(20), deadline=None, suppress_health_check=list(HealthCheck))
        @given(damages)
        def check(damages: list[tuple[str, str, int, int]]) -> None:
            for one in damages:
                run_sql(store.app, damage(*one))
            ledger.rebuild()
            assert index_of(ledger._store) == right

        check()


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("slices", [1, 4, 9])
def test_a_rebuild_that_ends_between_slices_leaves_each_row_as_it_was_or_right(
    store: Store, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    with fl.open_ledger(store.app, executors) as ledger:
        fill(ledger)
        right = index_of(ledger._store)
        for table in TABLES:
            run_sql(store.app, damage(table, "changed", 1, 0))
        wrong = index_of(ledger._store)
        left, equal = iter(range(slices)), PostgresIndexRebuild._equal

        def equal_some(self: PostgresIndexRebuild, *bounds: Any) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            equal(self, *bounds)

        with monkeypatch.context() as patch:
            patch.setattr(PostgresIndexRebuild, "_equal", equal_some)
            with pytest.raises(KeyboardInterrupt):
                ledger.rebuild()
        found = index_of(ledger._store)
        assert wrong != found != right
        for table, rows in found.items():
            assert len(rows) == len(right[table])
            assert all(row in right[table] or row in wrong[table] for row in rows)
        ledger.runs.start("w", payload="go")
        ledger.rebuild()
        kept = index_of(ledger._store)
        assert all(row in kept["flowledger_index_runs"] for row in right["flowledger_index_runs"])
        assert ask(store.admin, "SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'") == 0


@pytest.mark.usefixtures("small_slices")
def test_rows_that_are_right_are_not_written(store: Store) -> None:
    with fl.open_ledger(store.app, executors) as ledger:
        fill(ledger)
        places = "SELECT string_agg(ctid::text || xmin::text, ' ' ORDER BY ctid) FROM flowledger_index_runs"
        before = ask(store.admin, places)
        ledger.rebuild()
        assert ask(store.admin, places) == before


@pytest.mark.usefixtures("small_slices")
def test_readers_do_not_wait_for_a_rebuild_and_writers_write_between_slices(store: Store) -> None:
    with fl.open_ledger(store.app, executors) as ledger, fl.open_ledger(store.app, executors) as other:
        fill(ledger)
        for table in TABLES:
            run_sql(store.app, f"DELETE FROM {table}")
        seen: list[int] = []
        equal, end_of_slice = PostgresIndexRebuild._equal, PostgresIndexRebuild._end_of_slice

        def read_and_equal(self: PostgresIndexRebuild, *bounds: Any) -> None:
            seen.append(len(other.history.runs(limit=1000)))
            equal(self, *bounds)

        def write_and_look(self: PostgresIndexRebuild, *bounds: Any) -> Any:
            other.runs.start("w", payload="go")
            return end_of_slice(self, *bounds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PostgresIndexRebuild, "_equal", read_and_equal)
            patch.setattr(PostgresIndexRebuild, "_end_of_slice", write_and_look)
            ledger.rebuild()
        assert len(seen) > 6
        kept = index_of(ledger._store)
        assert len(kept["flowledger_index_runs"]) == 6 + len(seen)
        ledger.rebuild()
        assert index_of(ledger._store) == kept


@pytest.mark.usefixtures("small_slices")
def test_a_slice_costs_what_is_in_it_however_large_the_index_is(store: Store) -> None:
    plans: list[str] = []
    execute = PostgresIndexRebuild._execute

    def explain_first(self: PostgresIndexRebuild, statement: str, *parameters: Any) -> Any:
        if statement.startswith(("DELETE", "INSERT INTO")) and "flowledger_index " not in statement:
            plans.append("\n".join(line for (line,) in execute(self, f"EXPLAIN {statement}", *parameters)))
        return execute(self, statement, *parameters)

    with fl.open_ledger(store.app, executors) as ledger:
        fill(ledger)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PostgresIndexRebuild, "_execute", explain_first)
            ledger.rebuild()
    assert len(plans) > 10
    assert [plan for plan in plans if "Seq Scan" in plan] == []


def test_stores_of_one_database_are_rebuilt_at_once(new_postgres_url: Callable[[], str]) -> None:
    with (
        fl.open_ledger(new_postgres_url(), executors) as one,
        fl.open_ledger(new_postgres_url(), executors) as other,
    ):
        fill(one)
        fill(other)
        done: list[int] = []
        one.rebuild(lambda _: done.append(other.rebuild()))
        assert done


def test_who_may_not_make_temporary_tables_is_told_so(database: str) -> None:
    name = urlsplit(database).path[1:]
    with new_user(database) as user:
        fl.open_ledger(database).close()
        run_sql(database, grants(user), f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC, {user}")
        with fl.open_ledger(as_user(database, user), executors) as ledger:
            fill(ledger)
            before = index_of(ledger._store)
            with pytest.raises(fl.StorageUnavailable, match=r"(?s)temporary tables.*GRANTs that `flowledger schema`"):
                ledger.rebuild()
            assert index_of(ledger._store) == before
            run_sql(database, grants(user))
            ledger.rebuild()
