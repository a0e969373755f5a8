"""The bodies of commands: what the methods of Python take, in camelCase, but for the actor, who is whoever asks."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from .....projections.serialization import camel


class Body(BaseModel):
    """A JSON object with these members, and no others."""

    model_config = ConfigDict(alias_generator=camel, extra="forbid", strict=True)

    def arguments(self) -> dict[str, Any]:
        """What was given, as the method in Python takes it."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Execution(Body):
    """How steps are executed."""

    globals: dict[str, Any] | None = None
    step_limit: int | None = 10_000


class Start(Execution):
    """A run to start. With ``wait`` the answer comes when it pauses or ends; without, a worker executes it."""

    payload: Any = None
    metadata: dict[str, Any] | None = None
    version: int | str | None = None
    wait: bool = True
    priority: int = 0
    run_at: str | None = None
    trigger: dict[str, Any] | None = None
    subject: str | list[str] | None = None


class Resume(Execution):
    """An answer, and the id of the wait that it is for; without one, the open wait."""

    payload: Any = None
    wait: str | None = None


class Because(Body):
    """Why."""

    reason: str | None = None


class Note(Body):
    """For people: no node sees it."""

    note: str | None = None


class Retry(Execution):
    """From where, and with which answers of then."""

    from_node: str | None = None
    wait: bool = True
    metadata: dict[str, Any] | None = None
    answers: list[str] = []
    again: bool = False
    reason: str | None = None


class Reproduce(Execution):
    """Which effects are executed all the same."""

    wait: bool = True
    metadata: dict[str, Any] | None = None
    effects: list[str] = []
    reason: str | None = None


class Fork(Execution):
    """From which version, with which payload or output in place of the recorded one."""

    version: int | None = None
    payload: Any = None
    output: Any = None
    workflow_version: int | str | None = None
    metadata: dict[str, Any] | None = None
    wait: bool = True
    effects: list[str] = []
    answers: list[str] = []
    reason: str | None = None


class Metadata(Body):
    """Merged into the run's; null removes a key."""

    metadata: dict[str, Any]


class SaveWorkflow(Body):
    """A definition, and why it is saved. ``merge``: over what others saved since, where the parts differ."""

    definition: dict[str, Any]
    message: str | None = None
    name: str | None = None
    draft: bool = False
    merge: bool = False


class Rename(Body):
    """Another name; null takes it away."""

    name: str | None


class Release(Body):
    """The version to make live, and why."""

    version: int | str
    message: str | None = None


class Restore(Body):
    """Out of the archive; with ``version``, that version's definition becomes the latest again."""

    version: int | str | None = None
    message: str | None = None
