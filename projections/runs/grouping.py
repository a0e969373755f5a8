"""By what the timings of a workflow are put together."""

from typing import Literal

Grouping = Literal["version", "day"]
