"""``ledger.bulk``: many runs retried or cancelled, as something that is stored, watched and stopped."""
