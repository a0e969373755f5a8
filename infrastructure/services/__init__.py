"""Use cases, one folder for each public namespace of the ledger."""
