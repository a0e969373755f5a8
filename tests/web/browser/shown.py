"""Every page, by a name: what is looked at by outlines, pictures, and whoever can't use a mouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Final

from flowledger.infrastructure.ledger.ledger import views_of
from flowledger.web import create_app

from ..story import WORKFLOW, Story, story
from .sites import Site, running, served

FIRST: Final = f"/workflows/{WORKFLOW}"

SHOWN: Final = {
    "audit": "/audit",
    "bulk": "/bulk/BULK",
    "bulk-list": "/bulk",
    "bulk-preview": f"/bulk/new?act=retry&workflow={WORKFLOW}",
    "cancel": "/runs/WAITING/cancel",
    "canvas": f"{FIRST}/versions/7?run=RUN&step=ship",
    "canvas-latest": f"{FIRST}?step=ship",
    "canvas-old": f"{FIRST}/versions/7",
    "compare": "/runs/GOOD/compare/RUN",
    "compare-choice": "/runs/RUN/compare",
    "diff": f"{FIRST}/diff/7/9",
    "drafts": "/workflows/refund/drafts",
    "edit": f"{FIRST}/edit",
    "edit-step": f"{FIRST}/edit?step=ship",
    "erase": "/subjects/erase",
    "failures": "/failures",
    "fork": "/runs/RUN/fork?version=14",
    "history": "/history",
    "history-columns": "/history?column=payload.order.id&column=payload.order.total&sort=-duration&text=o",
    "history-empty": "/history?text=nothing-has-this-word",
    "history-filtered": f"/history?status=failed&workflow={WORKFLOW}",
    "history-open": "/history?open=ORDER",
    "hold": "/runs/WAITING/hold",
    "login": "/login",
    "missing": "/runs/nothing",
    "preferences": "/preferences",
    "proceed": "/runs/DUE/proceed",
    "release": "/runs/HELD/release",
    "reproduce": "/runs/RUN/reproduce",
    "retention": "/retention",
    "retention-apply": "/retention/apply?keep_last=2&status=completed&status=failed",
    "retry": "/runs/RUN/retry?from=review",
    "run": "/runs/RUN?step=ship",
    "run-held": "/runs/HELD",
    "run-logs": "/runs/RUN/logs?level=info",
    "run-past": "/runs/RUN?step=check-stock&version=6",
    "run-version": "/runs/RUN/versions/14",
    "run-waiting": "/runs/WAITING",
    "saved-filters": "/history/filters",
    "search": "/search?text=express",
    "start": f"{FIRST}/start?like=RUN",
    "steps": "/steps?node=ship",
    "tokens": "/tokens",
    "wait": "/waits?wait=QUESTION",
    "waits": "/waits",
    "workflow-archive": "/workflows/refund/archive",
    "workflow-release": "/workflows/refund/release?version=2",
    "workflow-rename": "/workflows/refund/rename",
    "workflow-restore": "/workflows/gift-wrap/restore",
    "workflows": "/workflows",
}
"""Words in capitals are ids of the story."""


@contextmanager
def shown_site() -> Iterator[Site]:
    """The story and what it needs for every page to have something to show, as an admin sees it: dana."""
    with TemporaryDirectory() as folder, story(f"sqlite:///{folder}/story.db") as told:
        _add_what_few_pages_show(told)
        sign_in = create_app(told.ledger, auth="tokens")
        with served(told.ledger, "admin") as base, running(sign_in) as login:
            yield Site(base, told, login)


def _add_what_few_pages_show(told: Story) -> None:
    ledger = told.ledger
    pay = {"id": "pay-back", "type": "charge-card", "data": {"amount": 12.5}}
    tell = {"id": "tell", "type": "send-mail", "data": {"to": "orders@shop.example"}}
    edges = [{"source": "pay-back", "target": "tell"}]
    save = partial(ledger.workflows.save, workflow_id="refund")
    save({"nodes": [pay]}, by="ada", message="first version")
    save({"nodes": [pay, tell], "edges": edges}, by="noor", message="tell who asked for it", draft=True)
    ledger.workflows.save({"nodes": [{"id": "wrap", "type": "reserve"}]}, workflow_id="gift-wrap", by="ada")
    ledger.workflows.archive("gift-wrap", by="dana", reason="nobody asks for it")
    action = ledger.bulk.request("retry", [told.alike[-1], told.waiting], by="dana", reason="version 9 knows express")
    ledger.bulk.run(action.id)
    ledger.tokens.create("shop-import", "operator", by="dana")
    ledger.retention.hold(told.held, by="dana", reason="case 7: who counted the goods")
    views_of(ledger).save("Failed by express", "error=KeyError&status=failed", by="dana")


def address_of(name: str, site: Site) -> str:
    """The address of a page, with the ids of this story."""
    told = site.story
    ids = {
        "BULK": told.ledger.bulk.list().items[0].id,
        "DUE": told.due,
        "GOOD": told.good,
        "HELD": told.held,
        "ORDER": told.ledger.runs.get(told.run).work_order_id,
        "QUESTION": told.ledger.runs.get(told.waiting).waits[0].id,
        "RUN": told.run,
        "WAITING": told.waiting,
    }
    address = SHOWN[name]
    for word, own in ids.items():
        address = address.replace(word, own)
    return (site.login if name == "login" else "") + address
