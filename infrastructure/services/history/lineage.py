"""The lineage of a run: the index knows the related runs, their first events say where each one comes from."""

from ....domain.ports import EventStore
from ....domain.values.names import check_run_id
from ....projections.runs.lineage import Lineage, related_run_of, related_runs
from ...queries.index.reader import Index
from ...repositories.missing import missing_run
from ...repositories.origins import origin_in


def load_lineage(store: EventStore, index: Index, run_id: str) -> Lineage:
    """The lineage of a run. Raises RunNotFound."""
    check_run_id(run_id)
    related = index.related_runs(run_id)
    if not related:
        raise missing_run(store, run_id)
    ancestors, row, descendants = related_runs(run_id, related)
    rows = [*ancestors, row, *descendants]
    firsts = store.events_at([(each.run_id, 1) for each in rows])
    runs = [related_run_of(each, origin_in(each.run_id, first.data)) for each, first in zip(rows, firsts, strict=True)]
    place = len(ancestors)
    return Lineage(tuple(runs[:place]), runs[place], tuple(runs[place + 1 :]))
