"""The description of the API (OpenAPI 3.1), with the problems that it answers with."""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.requests import Request

from ..problems import MEDIA_TYPE
from ..routes import ApiRoute
from .admission import Viewer
from .answers import Answer
from .examples import BODIES, PATHS
from .schemas import ANY_OBJECT, answers, components

router = APIRouter(tags=["status"], route_class=ApiRoute)

_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457). The error's own attributes stand beside these.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:flowledger:error:RunNotFound"]},
        "title": {"type": "string", "examples": ["Run not found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string"},
    },
    "additionalProperties": True,
}
_ANSWER: Final = {
    "description": "What went wrong",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class DescribedApi(FastAPI):
    """An API whose errors are problems: FastAPI describes those that it would have answered with itself."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if self.openapi_schema is None:
            described = super().openapi()
            schemas = described["components"]["schemas"]
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for name, example in BODIES.items():
                schemas[name]["examples"] = [example]
            schemas |= {"Problem": _PROBLEM, **components()}
            for path in described["paths"].values():
                for operation in path.values():
                    for parameter in operation.get("parameters", ()):
                        if parameter["in"] == "path" and parameter["name"] in PATHS:
                            parameter["example"] = PATHS[parameter["name"]]
                    operation["responses"].pop("422", None)
                    operation["responses"]["default"] = _ANSWER
        return super().openapi()


@router.get("/openapi.json", responses=answers(ANY_OBJECT))
async def get_description(call: Viewer, request: Request) -> Answer:
    """What is here, as OpenAPI 3.1 says it."""
    described = request.app.openapi()
    return Answer({**described, "servers": [{"url": call.links.api("")}]})
