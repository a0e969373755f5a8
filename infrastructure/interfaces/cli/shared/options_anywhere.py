"""What stands before a command or behind it: the store, the application, the time zone."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from ...presentation.zone import use_zone
from .session import Session


def options_anywhere() -> list[Any]:
    """The options for one command; its help doesn't repeat them."""
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.command()(_taken_anywhere)
    options = typer.main.get_command(alone).params
    for option in options:
        option.expose_value = False
    return list(options)


def _set(name: str) -> Callable[[typer.Context, str | None], None]:
    def set_it(context: typer.Context, value: str | None) -> None:
        if value is not None and not context.resilient_parsing:
            session = Session.of(context)
            setattr(session, name, value)
            session.named.add(name)

    return set_it


def _set_zone(context: typer.Context, value: str | None) -> None:
    if value is not None and not context.resilient_parsing:
        use_zone(value)


def _taken_anywhere(
    store: Annotated[str | None, typer.Option("--store", hidden=True, callback=_set("store"))] = None,
    registry: Annotated[str | None, typer.Option("--app", hidden=True, callback=_set("app"))] = None,
    zone: Annotated[str | None, typer.Option("--tz", hidden=True, callback=_set_zone)] = None,
) -> None:
    """Only its parameters are used."""
