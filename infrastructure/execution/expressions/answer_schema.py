"""Checking an answer by the JSON Schema that its wait was recorded with, which a stranger may have written."""

from collections.abc import Mapping
from typing import Any

from ....domain.errors import Fault, IllegalTransition, InputInvalid, InvalidAnswer, InvalidRequest
from ....domain.values.json import freeze, size_of
from ....domain.visible import quoted
from .input_schema import SchemaInput
from .schema_cost import SchemaCost

MAX_SCHEMA = 64 * 1024
"""Bytes of the schema as JSON."""

MAX_VISITS = 500_000
"""How often parts of the schema may look at parts of an answer. One may take some microseconds."""

MAX_WORK = 4_000_000_000
"""Bytes of the schema times bytes of the answer: no part takes longer for a value than by both of their sizes."""


def compile_answer(schema: Mapping[str, Any]) -> SchemaInput:
    """Compile the schema of a wait's answers. Raises InvalidRequest for one that isn't valid, or too large."""
    if (size := size_of(freeze(schema, "schema"))) > MAX_SCHEMA:
        raise InvalidRequest(f"the schema has {size:,} bytes; that of an answer has {MAX_SCHEMA:,} at most")
    return SchemaInput(schema, fills=False)


def check_answer(wait: str, schema: Mapping[str, Any], payload: Any) -> None:
    """Check an answer to the wait with this id. Raises InvalidAnswer.

    Raises IllegalTransition where the schema is one that no executor here could have asked with.
    """
    try:
        validator = compile_answer(schema)
    except InvalidRequest as error:
        raise IllegalTransition(
            f"wait {quoted(wait)} takes no answer, as its schema can't be used: {error}. Nothing was written; cancel "
            "the run, or fork it from before the question"
        ) from error
    work = size_of(freeze(schema, "schema")) * size_of(payload)
    if work > MAX_WORK or not SchemaCost(schema).is_within(MAX_VISITS, payload):
        raise InvalidAnswer(wait, [Fault("", "it is too large to be checked by the schema that it must fit")])
    try:
        validator.validate(payload, wait)
    except InputInvalid as error:
        raise InvalidAnswer(wait, error.issues, error.count) from None
