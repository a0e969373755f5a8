"""Projections of recorded events: pure functions from events to answers."""
