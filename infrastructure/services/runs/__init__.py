"""`ledger.runs`: starting, resuming, retrying, forking, and many at once."""
