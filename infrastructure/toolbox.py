"""The tools that planning takes from outside: CEL for expressions, pydantic and JSON Schema for inputs."""

from ..domain.plan import Toolbox
from .cel.language import CelLanguage
from .json_schema import compile_input

TOOLBOX = Toolbox(CelLanguage(), compile_input)
