"""What pages say of a story, with names in place of the ids that each store makes anew."""

from .story import WORKFLOW, Story


def named_ids(told: Story) -> list[tuple[str, str]]:
    """The ids of runs, work orders, waits, bulk actions and saves, and a name of each; as pages shorten them, too."""
    found: dict[str, str] = {}
    for number, row in enumerate(told.ledger.history.runs()):
        found[row.id] = f"‹run {number}›"
        found.setdefault(row.work_order_id, f"‹work order {number}›")
    found |= {wait.id: f"‹wait {number}›" for number, wait in enumerate(told.ledger.history.waits())}
    found |= {action.id: f"‹bulk action {number}›" for number, action in enumerate(told.ledger.bulk.list())}
    shortened = [(own[-6:], f"‹short {name[1:]}") for own, name in found.items()]
    versions = told.ledger.workflows.versions(WORKFLOW)
    saves = [(each.snapshot_id, f"‹save {each.version}›") for each in versions if each.snapshot_id]
    return [*found.items(), *shortened, *saves]


def without_ids(told: Story, text: str) -> str:
    """Names in place of ids."""
    for own, name in named_ids(told):
        text = text.replace(own, name)
    return text


def with_ids(told: Story, text: str) -> str:
    """The ids of this store again."""
    for own, name in named_ids(told):
        text = text.replace(name, own)
    return text
