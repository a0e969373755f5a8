"""What planning depends on: CEL for expressions, pydantic and JSON Schema for inputs."""

from ....domain.execution.plan import PlanningDependencies
from .cel import CelLanguage
from .input_schema import compile_input

PLANNING_DEPENDENCIES = PlanningDependencies(CelLanguage(), compile_input)
