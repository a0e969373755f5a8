"""Signed checkpoints of a store, proofs for outsiders, and what an earlier checkpoint shows."""
