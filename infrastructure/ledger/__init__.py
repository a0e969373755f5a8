"""The ledger, and its composition root."""
