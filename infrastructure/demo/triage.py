"""The name that older demonstrations printed, as ``--app``: stores that they made are used with it."""

import warnings

from ..interfaces.cli.demo.triage import DEFINITION, executors

__all__ = ["DEFINITION", "executors"]

warnings.warn(
    f"{__name__} is flowledger.demo now: write --app flowledger.demo:executors", DeprecationWarning, stacklevel=2
)
