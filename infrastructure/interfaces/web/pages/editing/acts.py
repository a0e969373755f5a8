"""What the buttons of the form do to what is edited; nothing is stored by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ......domain.errors import Fault, InvalidRequest
from ......domain.visible import quoted
from ......domain.workflow.edits import add_node, connect, move_edge_up, remove_edge, remove_node, rename_node
from .entries import read_entries
from .settings import EDGE, OF_A_STEP, WORKFLOW
from .working_copy import WorkingCopy


class Change(NamedTuple):
    """What is edited, after something was done."""

    copy: WorkingCopy
    step: str | None
    """The step that is looked at."""
    faults: Mapping[str, Fault]
    """What couldn't be read, by the names of the fields."""
    fault: str | None = None
    """Why what was to be added wasn't."""


def read_part(copy: WorkingCopy, step: str | None, form: Mapping[str, str]) -> Change:
    """With what the form says of the step, or of the workflow as a whole. Raises InvalidRequest."""
    if step is None:
        read = read_entries(copy.definition, WORKFLOW, "workflow", form)
        definition, faults = _with_start(read.part, form), dict(read.faults)
        return Change(copy.with_definition(definition), None, faults)
    if step not in copy.node_ids:
        raise InvalidRequest(f"step {quoted(step)}: there is none of that id")
    place = copy.node_ids.index(step)
    read = read_entries(copy.definition["nodes"][place], OF_A_STEP, "step", form)
    faults = dict(read.faults)
    nodes, edges = [*copy.definition["nodes"]], [*copy.definition["edges"]]
    for number, edge in enumerate(edges):
        if edge["source"] == step:
            changed = read_entries(edge, EDGE, f"edge.{number}", form)
            edges[number], faults = changed.part, faults | changed.faults
    name = read.part["id"]
    if name != step and name in copy.node_ids:
        faults["step.id"] = Fault("id", "another step is called so")
    nodes[place] = {**read.part, "id": step}
    definition = {**copy.definition, "nodes": nodes, "edges": edges}
    if not faults and name != step:
        definition, step = rename_node(definition, step, name), name
    return Change(copy.with_definition(definition), step, faults)


def _with_start(definition: dict[str, object], form: Mapping[str, str]) -> dict[str, object]:
    start = form.get("workflow.start")
    if start is None:
        return definition
    rest = {key: value for key, value in definition.items() if key != "start"}
    return {**rest, "start": start} if start else rest


def apply_act(read: Change, done: str, form: Mapping[str, str]) -> Change:
    """Do what a button says: ``go:ship``, ``add``, ``connect``, ``remove-step``, ``remove-edge:3``, ``move-edge:3``.

    Raises InvalidRequest for what no button says.
    """
    name, _, about = done.partition(":")
    copy = read.copy
    match name:
        case "apply":
            return read
        case "go":  # where it isn't there any more, it was renamed by the same click
            return read._replace(step=about) if about in copy.node_ids else read
        case "whole":
            return read._replace(step=None)
        case "add":
            return _add(read, form)
        case "connect" if read.step is not None:
            target = form.get("new.target", "").strip()
            if target not in copy.node_ids:
                return read._replace(fault=f"there is no step {quoted(target)}" if target else "to which step?")
            return read._replace(copy=copy.with_definition(connect(copy.definition, read.step, target)))
        case "remove-step" if read.step is not None:
            return read._replace(copy=copy.with_definition(remove_node(copy.definition, read.step)), step=None)
        case "remove-edge" | "move-edge":
            number = _number(about, len(copy.definition["edges"]))
            change = remove_edge if name == "remove-edge" else move_edge_up
            return read._replace(copy=copy.with_definition(change(copy.definition, number)))
        case _:
            raise InvalidRequest(f"do={quoted(done)}: no button of this page does that")


def _add(read: Change, form: Mapping[str, str]) -> Change:
    name, kind = form.get("new.id", "").strip(), form.get("new.type", "").strip()
    if not name or not kind:
        return read._replace(fault="a step needs a name and a type")
    if name in read.copy.node_ids:
        return read._replace(fault=f"there is a step {quoted(name)} already")
    definition = add_node(read.copy.definition, {"id": name, "type": kind, "data": {}}, read.step)
    return read._replace(copy=read.copy.with_definition(definition), step=name)


def _number(typed: str, count: int) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS and int(typed) < count):
        raise InvalidRequest(f"edge {quoted(typed)}: there is none of that number")
    return int(typed)


_DIGITS: Final = 9
