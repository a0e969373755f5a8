"""`ledger.history`: reading, comparing, auditing and replaying what happened."""
