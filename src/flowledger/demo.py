"""The application that ``flowledger demo`` runs, for the commands after it: ``--app flowledger.demo:executors``."""

from .infrastructure.interfaces.cli.demo.triage import DEFINITION, executors

__all__ = ["DEFINITION", "executors"]
