"""The description of the API as tests read it, and values that fit what it says."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jsonschema_rs
from hypothesis import strategies as st

from flowledger.infrastructure.interfaces.web.api.app import make_api

Schema = Mapping[str, Any]


class Operation(NamedTuple):
    """A method at a path."""

    method: str
    path: str
    says: dict[str, Any]

    def __str__(self) -> str:
        return str(self.says["operationId"])

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Those in ``path``, ``query`` or ``header``."""
        return [each for each in self.says.get("parameters", ()) if each["in"] == place]

    @property
    def body(self) -> Schema | None:
        """The schema of its body; None: it takes none."""
        content = self.says.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if content else None

    def answer(self, status: int) -> tuple[str, Schema] | None:
        """The media type and the schema of an answer; None where it has no content."""
        responses = self.says["responses"]
        content = responses.get(str(status), responses["default"]).get("content")
        return None if content is None else next((kind, each["schema"]) for kind, each in content.items())


class Document(NamedTuple):
    """The whole."""

    data: dict[str, Any]

    def operations(self) -> list[Operation]:
        """All of them."""
        return [
            Operation(method.upper(), path, says)
            for path, methods in self.data["paths"].items()
            for method, says in methods.items()
        ]

    def faults(self, schema: Schema, value: Any) -> list[str]:
        """Where a value doesn't fit a schema of this document."""
        whole = {**schema, "components": self.data["components"]}
        return [f"{error.instance_path}: {error.message}" for error in jsonschema_rs.iter_errors(whole, value)]

    def values(self, schema: Schema) -> st.SearchStrategy[Any]:
        """Values that fit a schema, as far as it is one of those that this API takes."""
        if "$ref" in schema:
            return self.values(self.data["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return st.one_of([self.values(each) for each in schema["anyOf"]])
        if "enum" in schema or "const" in schema:
            return st.sampled_from(schema.get("enum", [schema.get("const")]))
        return self._typed(schema)

    def _typed(self, schema: Schema) -> st.SearchStrategy[Any]:
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                required = set(schema.get("required", ()))
                known = {name: self.values(each) for name, each in properties.items()}
                if not known:
                    return st.dictionaries(_TEXTS, ANYTHING, max_size=3)
                return st.fixed_dictionaries(
                    {name: each for name, each in known.items() if name in required},
                    optional={name: each for name, each in known.items() if name not in required},
                )
            case "array":
                return st.lists(self.values(schema["items"]), max_size=3)
            case None:
                return ANYTHING
            case kind:
                return _SIMPLE[kind]


_TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["ship", "2026-11-25", "live", "0", "-1", "9" * 40]))
_SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXTS,
    "integer": st.one_of(st.integers(-2, 30), st.integers()),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
}
ANYTHING = st.recursive(
    st.one_of(*_SIMPLE.values()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_TEXTS, inner, max_size=2)),
    max_leaves=4,
)
"""Any JSON."""


def described() -> Document:
    """The description, as the app has it."""
    return Document(make_api("flowledger", {}).openapi())
