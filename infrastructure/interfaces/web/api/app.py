"""The API as an app of its own, with its description."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from . import runs


def make_api(title: str, handlers: dict[Any, Any]) -> FastAPI:
    """The API; ``handlers`` answer errors."""
    api = FastAPI(
        title=f"{title} API",
        version=version("flowledger"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=handlers,
    )
    api.include_router(runs.router)
    return api
