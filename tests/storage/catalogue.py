"""What a database says of the tables in it: to compare how they were made."""

import re
from typing import Any

from .older import dialect_of, executing

_COLUMNS = """
SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, collname, attstorage,
       pg_get_expr(adbin, adrelid)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_collation ON pg_collation.oid = attcollation
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 ORDER BY relname, attnum"""
_RELATIONS = """
SELECT relname, relkind, reloptions, CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END, relacl
FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY relname"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname"
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype <> 'n' ORDER BY 1, 2"""
_TRIGGERS = """
SELECT tgname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal ORDER BY tgname"""
_FUNCTIONS = """
SELECT proname, pg_get_functiondef(oid), proacl FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace ORDER BY proname"""
_FIRST_ROWS = (
    "SELECT position, generation FROM flowledger_search_progress",
    "SELECT revision FROM flowledger_index",
    "SELECT version FROM flowledger_schema",
)


def catalogue_of(url: str) -> dict[str, list[Any]]:
    """Tables, columns, indexes, constraints, triggers, views, functions and their rights, and the rows of a new store.

    A constraint that old rows were not looked at for counts as one.
    """
    with executing(url) as execute:
        if dialect_of(url) == "sqlite":
            rows = execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
            found = {"schema": [(*names, sql and _plain(sql)) for *names, sql in rows]}
        else:
            (schema,) = execute("SELECT current_schema()")[0]
            parts = {
                "columns": _COLUMNS,
                "relations": _RELATIONS,
                "indexes": _INDEXES,
                "constraints": _CONSTRAINTS,
                "triggers": _TRIGGERS,
                "functions": _FUNCTIONS,
            }
            found = {
                part: [
                    tuple(re.sub(rf"\b{schema}\.| NOT VALID", "", one) if isinstance(one, str) else one for one in row)
                    for row in execute(query)
                ]
                for part, query in parts.items()
            }
        return found | {"rows": [execute(query) for query in _FIRST_ROWS]}


def _plain(sql: str) -> str:
    """A table that was renamed has its name in quotes, one that got columns later has them in one line."""
    return re.sub(r"\s*([(),])\s*", r"\1", " ".join(re.sub(r'"(flowledger_\w+)"', r"\1", sql).split()))


def names_in(url: str) -> list[str]:
    """The names of all tables, views, indexes, sequences and types of the schema, and of its functions."""
    if dialect_of(url) == "sqlite":
        query = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
    else:
        query = (
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
            "UNION SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
            "UNION SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace "
            "AND contype <> 'n'"
        )
    with executing(url) as execute:
        return [name for (name,) in execute(query)]
