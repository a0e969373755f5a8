"""What flowledger is about, in plain Python: definitions, runs, saves, and what may happen to them. No I/O."""
