"""The API as an app of its own, with its description."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from ..channels import Through
from . import bulk, description, filters, lists, retention, run_commands, runs, status, stream, tokens, workflows

ROUTERS: Final = (
    runs.router,
    run_commands.router,
    workflows.router,
    lists.router,
    bulk.router,
    filters.router,
    retention.router,
    tokens.router,
    status.router,
    stream.router,
    description.router,
)


def _name_of(route: APIRoute) -> str:
    """What a client that is made from the description calls a route: ``runs_list_runs``, ``commands_retry``."""
    return f"{route.tags[0]}_{route.name}"


def make_api(title: str, handlers: dict[Any, Any]) -> FastAPI:
    """The API; ``handlers`` answer errors."""
    api = description.DescribedApi(
        title=f"{title} API",
        version=version("flowledger"),
        openapi_url=None,  # its route is among the others, as it takes a role
        redirect_slashes=False,
        generate_unique_id_function=_name_of,
        exception_handlers=handlers,
    )
    api.add_middleware(Through, channel="api")
    for router in ROUTERS:
        api.include_router(router)
    return api
