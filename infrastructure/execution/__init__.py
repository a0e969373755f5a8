"""Executing steps against the store: the engine, the runner of the step loop, and commits."""
