"""`ledger.search`."""
