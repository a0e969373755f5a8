"""``ledger.subscribe``: follow the log, event by event."""
