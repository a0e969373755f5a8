"""Bytes on disk: the event store, its codec, recorders and migrations. One folder for each backend."""
