"""Which work orders go under a policy, and why the others stay."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ..errors import InvalidRequest
from ..status import ENDED, RUN_STATUSES, RunStatus
from ..visible import quoted

KeptReason = Literal["open", "status", "young", "newest", "room", "unarchivable", "sealed", "held", "source", "changed"]

ArchiveFormat = Literal["export", "parquet"]
"""How runs are written before they go."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Which runs may go: those of work orders to which all of it applies. A work order goes with its runs, or stays.

    ``older_than``: nothing has happened in it for so long, by the ledger's clock. ``status``: how its last run has
    ended, one or several of ``completed``, ``failed`` and ``cancelled``. ``workflow_id``: of this workflow alone.
    ``keep_last``: of each workflow, so many of the newest of these runs stay. ``max_bytes``: of the newest, so many
    bytes stay. ``archive``: a folder; each run is written there as an export, and read again, before anything goes.
    With ``archive_format="parquet"`` it is written as rows, for analysis: ``runs/*.parquet`` and ``steps/*.parquet``.
    Runs of subjects stay then, as nobody could erase what such files hold.
    ``everything``: needed where neither ``older_than`` nor ``keep_last`` nor ``max_bytes`` keeps anything.
    ``archived_workflows``: archived workflows go, too, with all their versions, where no work order of theirs is left,
    and nothing has happened to them for as long as ``older_than`` says. One that isn't archived stays.

    Raises InvalidRequest.
    """

    older_than: timedelta | None = None
    """Nothing has happened for so long."""
    status: tuple[RunStatus, ...] = ("completed",)
    """How the last run of a work order has ended."""
    workflow_id: str | None = None
    """Of which workflow; None: of any."""
    keep_last: int | None = None
    """How many of the newest runs of each workflow stay."""
    max_bytes: int | None = None
    """How many bytes of the newest stay."""
    archive: Path | None = None
    """The folder to write them to before."""
    everything: bool = False
    """Whether it is meant that nothing stays."""
    archived_workflows: bool = False
    """Whether archived workflows go, too, that have no work orders any more."""
    archive_format: ArchiveFormat = "export"
    """``export``: files that can be imported and verified; ``parquet``: rows for analysis."""

    def __post_init__(self) -> None:
        if self.older_than is not None and (
            not isinstance(self.older_than, timedelta) or self.older_than < timedelta(0)
        ):
            raise InvalidRequest(
                f"older_than {quoted(self.older_than)} is no length of time, such as timedelta(days=90)"
            )
        for name in ("keep_last", "max_bytes"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 0):
                raise InvalidRequest(f"{name} {quoted(value)} is no number from 0 on")
        if self.workflow_id is not None and not isinstance(self.workflow_id, str):
            raise InvalidRequest(f"workflow_id {quoted(self.workflow_id)} is not text")
        for name in ("everything", "archived_workflows"):
            if not isinstance(flag := getattr(self, name), bool):
                raise InvalidRequest(f"{name} {quoted(flag)} is neither True nor False")
        given: object = self.status
        status = (given,) if isinstance(given, str) else given
        if not isinstance(status, tuple | list) or not status or not set(status) <= ENDED:
            ended = ", ".join(each for each in RUN_STATUSES if each in ENDED)
            raise InvalidRequest(f"status {quoted(given)}: only runs that have ended go, with one of {ended}")
        object.__setattr__(self, "status", tuple(status))
        if self.archive is not None:
            if not isinstance(self.archive, str | Path) or not str(self.archive):
                raise InvalidRequest(f"archive {quoted(self.archive)} is no path of a folder")
            object.__setattr__(self, "archive", Path(self.archive))
        if self.archive_format not in get_args(ArchiveFormat):
            raise InvalidRequest(f"archive_format {quoted(self.archive_format)} is neither export nor parquet")
        if self.archive_format != "export" and self.archive is None:
            raise InvalidRequest("archive_format says how to write an archive: name its folder, too, with archive")

    @property
    def keeps_nothing(self) -> bool:
        """Whether all that has ended so would go."""
        return not (self.older_than or self.keep_last or self.max_bytes)

    def document(self) -> dict[str, Any]:
        """What stands in the record of what went: seconds, numbers, words."""
        document: dict[str, Any] = {"status": list(self.status)}
        if self.older_than is not None:
            document["older_than"] = self.older_than.total_seconds()
        for name in ("workflow_id", "keep_last", "max_bytes"):
            if (value := getattr(self, name)) is not None:
                document[name] = value
        if self.archived_workflows:
            document["archived_workflows"] = True
        if self.archive_format != "export":
            document["archive_format"] = self.archive_format
        return document


def latest_change(policy: RetentionPolicy, now: int) -> int | None:
    """Up to when something may have happened to what goes, in microseconds since 1970; None: any time."""
    return None if policy.older_than is None else now - round(policy.older_than.total_seconds() * 1_000_000)


class OrderToKeep(NamedTuple):
    """A work order, as the decision needs it. Times in microseconds since 1970."""

    id: str
    workflow_id: str
    status: RunStatus | None
    """That of its last run; None: its input was refused, so it has none."""
    has_ended: bool
    """Whether all its runs have."""
    active_at: int
    """When something happened in it last."""
    runs: int
    bytes: int


class Decision:
    """Decides on one work order after the other, the newest first, as some of the newest stay."""

    def __init__(self, policy: RetentionPolicy, now: int) -> None:
        self._policy = policy
        self._latest = latest_change(policy, now)
        self._runs: dict[str, int] = {}
        self._bytes = 0

    def why_kept(self, order: OrderToKeep) -> KeptReason | None:
        """Why it stays; None where it may go."""
        policy = self._policy
        if not order.has_ended:
            return "open"
        if order.status is None:
            if "failed" not in policy.status:
                return "status"
            if policy.archive is not None:
                return "unarchivable"
        elif order.status not in policy.status:
            return "status"
        if self._stays_as_newest(order):
            return "newest"
        if self._has_room(order):
            return "room"
        if self._latest is not None and order.active_at > self._latest:
            return "young"
        return None

    def _stays_as_newest(self, order: OrderToKeep) -> bool:
        if self._policy.keep_last is None:
            return False
        known = self._runs.get(order.workflow_id, 0)
        self._runs[order.workflow_id] = known + order.runs
        return known < self._policy.keep_last

    def _has_room(self, order: OrderToKeep) -> bool:
        if self._policy.max_bytes is None:
            return False
        self._bytes += order.bytes
        return self._bytes <= self._policy.max_bytes
