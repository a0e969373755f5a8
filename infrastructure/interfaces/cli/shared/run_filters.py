"""The filters of runs as options, declared once for every command that takes them."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from inspect import Parameter, Signature
from typing import Annotated, Any, get_type_hints

import typer

from ...presentation.inputs import read_moment, read_workflow_at
from .options import Since, Until
from .selection import Selection


@dataclass(frozen=True, slots=True)
class RunFilters:
    """The filters as they were typed. Each field is an option of a command that ``takes_run_filters``."""

    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="ID[@VERSION]", help="Of this workflow, or this version of it.")
    ] = None
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status", metavar="STATUS", help="active, paused, error, completed, failed, cancelled. Repeatable."
        ),
    ] = None
    node: Annotated[str | None, typer.Option(metavar="ID", help="Paused, waiting or failed at this node.")] = None
    error_type: Annotated[
        str | None, typer.Option("--error-type", metavar="NAME", help="Failed with this type of error.")
    ] = None
    started_by: Annotated[str | None, typer.Option("--by", metavar="WHO", help="Started by this actor.")] = None
    since: Since = None
    until: Until = None
    text: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="With all these words, or ones that begin so, in ids, errors, logs or values."
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILTER",
            help="By value: payload.customer=acme, 'output[\"score\"].value > 10' (CEL over payload, output, "
            "metadata). Repeatable.",
        ),
    ] = None

    def select(self) -> Selection:
        """The filters, read. Raises InvalidRequest for a time or version that isn't one."""
        workflow_id, version = read_workflow_at(self.workflow)
        return Selection(
            workflow_id=workflow_id,
            version=version,
            status=tuple(self.status or ()),
            node=self.node,
            error_type=self.error_type,
            started_by=self.started_by,
            since=read_moment(self.since, "--since"),
            until=read_moment(self.until, "--until"),
            text=self.text,
            where=tuple(self.where or ()),
        )


@dataclass(frozen=True, slots=True)
class ListFilters(RunFilters):
    """The same with what is known of runs as they stand now."""

    due_before: Annotated[
        str | None, typer.Option("--due-before", metavar="TIME", help="They go on by themselves before this time.")
    ] = None
    held: Annotated[bool | None, typer.Option("--held/--not-held", help="Held by an operator, or not.")] = None
    queued: Annotated[
        bool | None, typer.Option("--queued/--not-queued", help="Left to a worker, and not begun; or not.")
    ] = None
    owner: Annotated[str | None, typer.Option("--owner", metavar="ID", help="Executed by this worker, by its id.")] = (
        None
    )

    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="KEY", help="Started with this key.")
    ] = None
    failure: Annotated[
        str | None, typer.Option("--failure", metavar="GROUP", help="Failed alike: the id of a group of failures.")
    ] = None

    def of_now(self) -> dict[str, Any]:
        """These, as keyword arguments of ``ledger.history.runs``. Raises InvalidRequest for what is no time."""
        return {
            "due_before": read_moment(self.due_before, "--due-before"),
            "held": self.held,
            "queued": self.queued,
            "owner": self.owner,
            "idempotency_key": self.idempotency_key,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True)
class BulkFilters(RunFilters):
    """The same for commands whose ``--by`` is the actor of the command itself."""

    started_by: Annotated[str | None, typer.Option("--started-by", metavar="WHO", help="Who started them.")] = None


@dataclass(frozen=True, slots=True)
class ActionFilters(ListFilters):
    """All filters of a list, for a command whose ``--by`` is its own actor."""

    started_by: Annotated[str | None, typer.Option("--started-by", metavar="WHO", help="Who started them.")] = None


def takes_run_filters(command: Callable[..., None]) -> Callable[..., None]:
    """A decorator: where the command has a parameter of a RunFilters class, its fields become options."""
    signature = inspect.signature(command, eval_str=True)
    name, kind = next(
        (parameter.name, parameter.annotation)
        for parameter in signature.parameters.values()
        if inspect.isclass(parameter.annotation) and issubclass(parameter.annotation, RunFilters)
    )

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        filters = kind(**{field.name: arguments.pop(field.name) for field in fields(kind)})
        command(**arguments, **{name: filters})

    with_options.__signature__ = Signature(list(_with_fields(signature, name, kind)))  # type: ignore[attr-defined]
    return with_options


def _with_fields(signature: Signature, name: str, kind: type[RunFilters]) -> Iterator[Parameter]:
    """The parameters of the signature, with the fields of the filters in place of this one."""
    annotations = get_type_hints(kind, include_extras=True)
    for parameter in signature.parameters.values():
        if parameter.name != name:
            yield parameter
            continue
        for field in fields(kind):
            yield Parameter(
                field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=annotations[field.name]
            )
