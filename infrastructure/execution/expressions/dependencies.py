"""What planning depends on: CEL for expressions, pydantic and JSON Schema for inputs and answers."""

from ....domain.execution.plan import PlanningDependencies
from .answer_schema import compile_answer
from .cel import CelLanguage
from .input_schema import compile_input

PLANNING_DEPENDENCIES = PlanningDependencies(CelLanguage(), compile_input, compile_answer)
