"""The command line: ``flowledger``."""

from .app import main

__all__ = ["main"]
