"""What a bulk action would do: counted by the index, which says how each run stands now."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from ....domain.bulk import BulkAct, Foreseen, Standing, foresee
from ....domain.errors import FlowledgerError, StorageError
from ....domain.rerun.retry import refuse_unknown
from ....projections.bulk_action import BulkPreview, obstacles
from ...queries.index.reader import Index
from ...repositories.work_orders import load_work_order
from ..runs.bulk import effects_once, why_rejected_again
from ..runs.run_services import RunServices


def preview_bulk(
    services: RunServices, index: Index, act: BulkAct, run_ids: Sequence[str], from_node: str | None, *, effects: bool
) -> BulkPreview:
    """Count what would be done. Raises StorageError."""
    standings = index.standings(run_ids)
    standings |= index.rejected([run_id for run_id in run_ids if run_id not in standings])
    versions = _live_versions(services, standings, from_node) if act == "retry" else {}
    able: list[Standing] = []
    unable: list[tuple[str, Foreseen | str]] = []
    for run_id in run_ids:
        run = standings.get(run_id)
        why: Foreseen | str | None = foresee(act, run, from_node)
        if why is None and run is not None:
            live = versions.get(run.workflow_id)
            why = live if isinstance(live, str) else _why_rejected_again(services, run)
        if why is not None:
            unable.append((run_id, why))
        elif run is not None:
            able.append(run)
    would_run = {run.workflow_id for run in able}
    return BulkPreview(
        act,
        len(run_ids),
        len(able),
        obstacles(unable),
        {name: live for name, live in versions.items() if isinstance(live, int) and name in would_run},
        _count_effects(services, able, from_node) if effects and act == "retry" else None,
        digest_of(run_ids),
        tuple(run_id for run_id in run_ids if run_id in standings and standings[run_id].status == "rejected"),
    )


def _why_rejected_again(services: RunServices, run: Standing) -> str | None:
    """Why a work order that was rejected would be again; None for all others. Raises StorageError."""
    if run.status != "rejected":
        return None
    try:
        return why_rejected_again(services, load_work_order(services.store, run.work_order_id))
    except StorageError:
        raise
    except FlowledgerError as error:
        return str(error)


def digest_of(run_ids: Sequence[str]) -> str:
    """Of runs in their order."""
    return hashlib.sha256("\n".join(run_ids).encode(errors="backslashreplace")).hexdigest()


def _live_versions(
    services: RunServices, standings: Mapping[str, Standing], from_node: str | None
) -> dict[str, int | str]:
    """By workflow the version that a retry would run, or why it runs none."""
    found: dict[str, int | str] = {}
    for workflow_id in sorted({run.workflow_id for run in standings.values()}):
        try:
            runnable = services.load_to_start(workflow_id)
            if from_node is not None:
                refuse_unknown(from_node, runnable.plan.definition, workflow_id, runnable.version)
        except StorageError:
            raise
        except FlowledgerError as error:
            found[workflow_id] = str(error)
        else:
            found[workflow_id] = runnable.version
    return found


def _count_effects(services: RunServices, able: Sequence[Standing], from_node: str | None) -> dict[str, int]:
    """Reads the runs one by one. What can't be retried after all counts for nothing: its item will say why."""
    found: Counter[str] = Counter()
    for run in able:
        if run.status == "rejected":  # nothing of it ran
            continue
        try:
            found.update(effects_once(services, run.run_id, run.work_order_id, from_node))
        except StorageError:
            raise
        except FlowledgerError:
            continue
    return dict(found)
