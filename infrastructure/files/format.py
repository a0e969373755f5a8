"""The formats of a definition file."""

from typing import Literal

Format = Literal["json", "yaml"]
