"""The domain: definitions, runs, work orders, saves, and the rules for them. Pure Python, no I/O."""
