"""The tools that planning takes from outside: CEL for expressions, pydantic and JSON Schema for inputs."""

from ....domain.execution.plan import PlanningDependencies
from .cel import CelLanguage
from .input_schema import compile_input

PLANNING = PlanningDependencies(CelLanguage(), compile_input)
