"""The doors of a ledger: workflows, runs, history."""
