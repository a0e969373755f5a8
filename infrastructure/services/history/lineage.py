"""Fetching the family of a run: the index knows who there is, their first events from where each comes."""

from ....domain.errors import RunNotFound
from ....domain.ports import EventStore
from ....domain.values.names import check_run_id
from ....projections.runs.lineage import Lineage, relative_of, relatives
from ...queries.index.reader import Index
from ...repositories.origins import origin_in


def lineage(store: EventStore, index: Index, run_id: str) -> Lineage:
    """The lineage of a run. Raises RunNotFound."""
    check_run_id(run_id)
    everyone = index.family_of(run_id)
    if not everyone:
        raise RunNotFound(run_id)
    ancestors, row, descendants = relatives(run_id, everyone)
    rows = [*ancestors, row, *descendants]
    firsts = store.events_at([(each.run_id, 1) for each in rows])
    family = [relative_of(each, origin_in(each.run_id, first.data)) for each, first in zip(rows, firsts, strict=True)]
    place = len(ancestors)
    return Lineage(tuple(family[:place]), family[place], tuple(family[place + 1 :]))
