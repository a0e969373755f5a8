"""The table of the API's routes; ``python -m tests.web.api_table`` writes it into the reference page anew."""

import re
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from flowledger.infrastructure.interfaces.web.api.admission import Admission
from flowledger.infrastructure.interfaces.web.api.app import ROUTERS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "web.md"
HEAD = "| request | role | |\n|---|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def role_of(route: APIRoute) -> Any:
    """The role that a route declares: each has exactly one."""
    (role,) = [each.call.role for each in route.dependant.dependencies if isinstance(each.call, Admission)]
    return role


def table() -> str:
    """One row a route."""
    rows = [
        f"| `{min(route.methods)} /api{route.path}` | {role_of(route)} | {route.description.splitlines()[0]} |\n"
        for route in routes()
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
