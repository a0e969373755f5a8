"""Retention policies as they are typed: in options, fields and JSON alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ....domain.errors import InvalidRequest
from ....domain.retention.policy import RetentionPolicy
from ....domain.values.spoken_times import read_length

if TYPE_CHECKING:
    from ....domain.retention.policy import ArchiveFormat
    from ....domain.status import RunStatus


def read_policy(
    older_than: str | None,
    status: Sequence[str] | None = None,
    workflow_id: str | None = None,
    keep_last: int | None = None,
    max_bytes: int | None = None,
    archive: str | None = None,
    *,
    archived_workflows: bool = False,
    archive_format: str | None = None,
    everything: bool = False,
    name: str = "older_than",
) -> RetentionPolicy:
    """The policy; ``older_than`` is a length of time such as ``90d``, and what it is called here is ``name``.

    Raises InvalidRequest.
    """
    try:
        length = None if older_than is None else read_length(older_than)
    except ValueError as error:
        raise InvalidRequest(f"{name}: {error}") from error
    statuses = cast("tuple[RunStatus, ...]", tuple(status or ("completed",)))
    folder = None if archive is None else Path(archive)
    return RetentionPolicy(
        length,
        statuses,
        workflow_id,
        keep_last,
        max_bytes,
        folder,
        everything,
        archived_workflows,
        cast("ArchiveFormat", archive_format or "export"),
    )


def what_goes(runs: int, workflows: int) -> str:
    """``3 runs``, or ``3 runs and 1 workflows``."""
    return f"{runs:,} runs" if not workflows else f"{runs:,} runs and {workflows:,} workflows"
