"""`ledger.history`: read, compare, audit, replay and transfer runs."""
