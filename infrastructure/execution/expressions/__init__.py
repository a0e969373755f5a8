"""Expressions in CEL and schemas of inputs: what may be written, what it may cost, how it is evaluated."""
