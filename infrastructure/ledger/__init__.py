"""The ledger, and where everything is put together."""
