"""Executing a run: executors, the plan of a definition, the step, and the loop of steps."""
