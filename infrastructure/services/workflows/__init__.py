"""`ledger.workflows`: saving, validating and listing definitions."""
