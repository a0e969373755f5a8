"""The tools that planning takes from outside: CEL for expressions, pydantic and JSON Schema for inputs."""

from ....domain.execution.plan import Toolbox
from .cel import CelLanguage
from .input_schema import compile_input

TOOLBOX = Toolbox(CelLanguage(), compile_input)
