"""Expressions in CEL: what may be written, what it may cost, and how it is evaluated."""
