"""Evidence that outsiders can check: the Merkle tree over all events, and checkpoints of it that are signed."""
