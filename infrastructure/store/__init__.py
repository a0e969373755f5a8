"""Events at rest: codec, recorders on memory, SQLite and PostgreSQL, migrations, verification."""
