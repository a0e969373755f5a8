"""Procrastinate as the dispatcher of workers, for those who operate one."""
