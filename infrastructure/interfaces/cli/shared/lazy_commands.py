"""Commands that are imported when they are asked for: a command starts without the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from .options_anywhere import options_anywhere

if TYPE_CHECKING:
    from types import ModuleType

    from typer.core import TyperGroup


class LazyCommands(Mapping[str, Any]):
    """The commands by their names; ``homes`` says the module of each, in the order in which help lists them."""

    def __init__(self, homes: Mapping[str, str], package: str) -> None:
        self._homes = homes
        self._package = package
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        home = self._homes[name]
        if name not in self._made:
            self._made |= _commands_of(import_module(f"{self._package}.{home}"))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


def _commands_of(module: ModuleType) -> Mapping[str, Any]:
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    module.register(alone)
    group: TyperGroup = typer.main.get_group(alone)
    for command in group.commands.values():
        _take_options_anywhere(command)
    return group.commands


def _take_options_anywhere(command: Any) -> None:
    """Let a command, or those of a group, take what else stands before it, where it has no such option itself."""
    if hasattr(command, "commands"):
        for each in command.commands.values():
            _take_options_anywhere(each)
        return
    own = {name for parameter in command.params for name in parameter.opts}
    command.params += [option for option in options_anywhere() if not own & set(option.opts)]
