"""Checking an answer by the JSON Schema that its wait was recorded with, which a stranger may have written."""

from collections.abc import Mapping
from typing import Any, cast

from ....domain.errors import Fault, IllegalTransition, InputInvalid, InvalidAnswer, InvalidRequest
from ....domain.values.json import freeze, size_of
from ....domain.visible import quoted
from .input_schema import SchemaInput
from .schema_cost import SchemaCost

MAX_SCHEMA = 64 * 1024
"""Bytes of the schema as JSON."""

MAX_PATTERNS = 30
"""Regular expressions in the schema: one may take a tenth of a second and 10 MB to compile."""

MAX_VISITS = 50_000
"""How often parts of the schema may look at parts of an answer. One may take some microseconds."""

MAX_WORK = 4_000_000_000
"""Bytes of the schema times bytes of the answer: no part takes longer for a value than by both of their sizes."""


def compile_answer(schema: Mapping[str, Any]) -> SchemaInput:
    """Compile the schema of a wait's answers. Raises InvalidRequest for one that isn't valid, or too large."""
    if (size := size_of(freeze(schema, "schema"))) > MAX_SCHEMA:
        raise InvalidRequest(f"the schema has {size:,} bytes; that of an answer has {MAX_SCHEMA:,} at most")
    if (patterns := _count_patterns(schema)) > MAX_PATTERNS:
        raise InvalidRequest(f"the schema has {patterns:,} patterns; that of an answer has {MAX_PATTERNS} at most")
    return SchemaInput(schema, fills=False)


def _count_patterns(schema: Mapping[str, Any]) -> int:
    """At least so many patterns as are compiled: wherever the words for them stand."""
    count, pending = 0, [cast("Any", schema)]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            fields = cast("Mapping[str, Any]", part)
            count += isinstance(fields.get("pattern"), str)
            by_pattern = fields.get("patternProperties")
            count += len(cast("Mapping[str, Any]", by_pattern)) if isinstance(by_pattern, Mapping) else 0
            pending += fields.values()
        elif isinstance(part, list | tuple):
            pending += cast("list[Any]", part)
    return count


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
