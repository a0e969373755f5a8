"""Archived workflows go with all their versions where no work order needs one of them any more; others never do."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.retention import WorkflowToKeep, why_workflow_kept
from flowledger.infrastructure.services.retention import removal
from flowledger.infrastructure.services.runs import start
from flowledger.infrastructure.transfer.export import export_workflow

from ..web.client import local
from .shops import DEFINITION, Shop, opened

DAY = 24 * 3600 * 1_000_000
OLD = fl.RetentionPolicy(older_than=timedelta(days=90), archived_workflows=True)
NODES_ALONE = {"nodes": DEFINITION["nodes"][:1]}


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path, fl.KeyRing.generate(tmp_path / "ring.json")) as shop:
        yield shop


def kept(report: fl.RetentionReport) -> dict[str, tuple[int, str]]:
    return {each.reason: (each.workflows, each.example) for each in report.kept_workflows}


def close_shop(shop: Shop) -> None:
    """Two versions of it, and it is archived."""
    shop.ledger.workflows.save(NODES_ALONE, workflow_id="shop", by="ada", message="no shipping")
    shop.ledger.workflows.archive("shop", by="ada", reason="closed")


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({}, None),
        ({"is_archived": False}, "current"),
        ({"work_orders": 1}, "used"),
        ({"changed_at": 910 * DAY}, None),
        ({"changed_at": 910 * DAY + 1}, "young"),
    ],
)
def test_a_workflow_goes_where_it_is_archived_unused_and_old(about: dict[str, Any], why: str | None) -> None:
    workflow = WorkflowToKeep("w", is_archived=True, work_orders=0, changed_at=0)._replace(**about)
    assert why_workflow_kept(OLD, workflow, 1000 * DAY) == why


def test_an_archived_workflow_goes_with_its_last_run_and_all_else_verifies(shop: Shop) -> None:
    run = shop.order()
    shop.ledger.workflows.save(DEFINITION, workflow_id="other", by="ada")
    close_shop(shop)
    before = shop.sign()
    shop.age()

    would = shop.ledger.retention.preview(OLD)
    done = shop.ledger.retention.apply(OLD, by="ops", reason="90 days")

    assert (would.runs, would.workflows, would.events, would.bytes) == (1, 1, done.events, done.bytes)
    assert (done.runs, done.workflows, kept(would)) == (1, 1, {"current": (1, "other")})
    assert kept(done) == kept(would)
    assert run.id not in shop.runs()
    assert [each.id for each in shop.ledger.workflows.list(archived=True)] == ["other"]
    shop.assert_sound(before, shop.sign())
    shop.ledger.rebuild()
    shop.assert_sound(before, shop.sign())
    (told,) = shop.ledger.evidence.check(before).removed
    assert (told.by, told.runs, told.workflows, told.events) == ("ops", 1, 1, done.events)
    last, first = shop.ledger.history.trail(kind="retention")
    assert last.summary == "removed under a retention policy: 1 workflows, 3 events: 90 days"
    assert first.summary.startswith("removed under a retention policy: 1 runs, ")
    assert shop.ledger.retention.apply(OLD, by="ops").removal_id is None


def test_a_workflow_that_went_says_so_wherever_it_is_asked_for(shop: Shop) -> None:
    close_shop(shop)
    shop.age()
    with fl.open_ledger(str(shop.ledger._store.url), create=False) as other:
        assert other.workflows.get("shop").version == 2
        shop.ledger.retention.apply(OLD, by="ops")
        asked: list[Callable[[], object]] = [
            lambda: shop.ledger.workflows.get("shop"),
            lambda: shop.ledger.workflows.get("shop", 1),
            lambda: shop.ledger.workflows.versions("shop"),
            lambda: shop.ledger.workflows.diff("shop", 1, 2),
            lambda: shop.ledger.history.runs(workflow_id="shop"),
            lambda: shop.ledger.history.timings("shop"),
            lambda: shop.ledger.workflows.restore("shop", by="ada"),
            lambda: shop.ledger.workflows.save(DEFINITION, workflow_id="shop", by="ada"),
            lambda: other.workflows.save(DEFINITION, workflow_id="shop", by="ada"),
            lambda: other.runs.start("shop", wait=False),
            shop.order,
        ]
        for ask in asked:
            with pytest.raises(fl.WorkflowRemoved, match=r"'shop' was removed .* by ops; it wasn't archived") as gone:
                ask()
            assert gone.value.removal.by == "ops"
    shop.assert_sound()


def test_what_uses_a_workflow_keeps_it_and_a_preview_says_so(shop: Shop) -> None:
    source, held = shop.order(), shop.order()
    shop.age()
    shop.ledger.runs.fork(source.id, 1, by="ada")
    shop.ledger.retention.hold(held.id, by="law", reason="case 7")
    close_shop(shop)
    assert kept(shop.ledger.retention.preview(OLD)) == {"used": (1, "shop")}
    shop.age()
    assert kept(shop.ledger.retention.apply(OLD, by="ops")) == {"used": (1, "shop")}
    assert shop.runs() == {held.id}
    shop.ledger.retention.lift(held.id, by="law")
    report = shop.ledger.retention.apply(OLD, by="ops")
    assert (report.runs, report.workflows) == (1, 1)
    shop.assert_sound()


def test_without_the_option_and_of_other_workflows_all_stay(shop: Shop) -> None:
    close_shop(shop)
    shop.age()
    for policy in (fl.RetentionPolicy(timedelta(days=90)), fl.RetentionPolicy(OLD.older_than, workflow_id="other")):
        report = shop.ledger.retention.apply(policy, by="ops")
        assert (report.workflows, report.kept_workflows) == (0, ())
    assert len(shop.ledger.workflows.versions("shop")) == 3
    young = shop.ledger.retention.preview(fl.RetentionPolicy(timedelta(days=101), archived_workflows=True))
    assert kept(young) == {"young": (1, "shop")}


@pytest.mark.parametrize("act", ["restore", "start"])
def test_a_workflow_that_is_used_again_meanwhile_stays(shop: Shop, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    close_shop(shop)
    shop.age()
    remove, first = removal.remove, iter([True])

    def acting(*args: Any) -> Any:
        for _ in first:
            shop.ledger.workflows.restore("shop", by="ann")
            if act == "start":
                shop.order()
        return remove(*args)

    monkeypatch.setattr(removal, "remove", acting)
    report = shop.ledger.retention.apply(OLD, by="ops")
    assert (report.workflows, kept(report)) == (0, {"changed": (1, "shop")})
    assert shop.ledger.workflows.get("shop").is_latest
    shop.assert_sound()


def test_a_work_order_keeps_its_workflow_also_where_that_was_decided_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a start that had read the workflow before it was archived is stored at last."""
    from flowledger.infrastructure.services.retention import workflows

    shop.order("wait")
    close_shop(shop)
    shop.age()
    monkeypatch.setattr(workflows, "orders_by_workflow", lambda *_: {})
    assert kept(shop.ledger.retention.apply(OLD, by="ops")) == {"changed": (1, "shop")}
    shop.assert_sound()


def test_a_workflow_is_archived_before_it_goes_and_imported_elsewhere(shop: Shop, tmp_path: Path) -> None:
    run = shop.order()
    close_shop(shop)
    told = shop.ledger.workflows.versions("shop")
    shop.age()
    policy = fl.RetentionPolicy(OLD.older_than, archive=tmp_path / "archive", archived_workflows=True)
    shop.ledger.retention.apply(policy, by="ops")
    (file,) = (tmp_path / "archive").glob("workflow-shop-*")
    with pytest.raises(fl.WorkflowRemoved, match=r"its archive is in .*archive"):
        shop.ledger.history.import_(file)
    (of_run,) = (tmp_path / "archive").glob(f"{run.id}*")
    with fl.open_ledger("memory:") as elsewhere:
        elsewhere.history.import_(of_run)
        report = elsewhere.history.import_(file, continue_existing=True)
        assert (report.run_id, report.streams[0].stream, report.added) == ("", "workflow:shop", 2)
        assert elsewhere.workflows.versions("shop") == told
        assert elsewhere.verify(deep=True).ok
    shop.assert_sound()


@pytest.mark.parametrize(
    ("written", "forged"),
    [
        (b'"workflow":"shop"', b'"workflow":"shot"'),
        (b'{"workflow:shop":3}', b'{"workflow:shop":2}'),
        (b'{"workflow:shop":3}', b'{"workflow:shop":3,"r":1}'),
        (b'"flowledger":"workflow"', b'"flowledger":"run"'),
        (b"no shipping", b"no shopping"),
    ],
)
def test_an_archive_of_a_workflow_that_was_changed_is_refused(tmp_path: Path, written: bytes, forged: bytes) -> None:
    with opened(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as shop:
        close_shop(shop)
        export_workflow(shop.ledger._store, "shop", tmp_path / "shop.jsonl")
    content = (tmp_path / "shop.jsonl").read_bytes()
    assert written in content
    (tmp_path / "shop.jsonl").write_bytes(content.replace(written, forged))
    with fl.open_ledger("memory:") as ledger:
        with pytest.raises(fl.InvalidExport):
            ledger.history.import_(tmp_path / "shop.jsonl")
        assert not ledger.workflows.list(archived=True)


async def test_pages_say_that_a_workflow_went(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as shop:
        close_shop(shop)
        shop.age()
        async with local(shop.ledger) as client:
            policy = "/retention/apply?older_than=90d&archived_workflows=yes"
            page = (await client.get(policy)).text
            assert "and 1 workflow</button>" in page
            assert "archived_workflows=True" in page
            assert "--archived-workflows" in page
            answer = await client.post("/api/retention/preview", json={"olderThan": "90d", "archivedWorkflows": True})
            assert answer.json()["workflows"] == 1
            await client.post(policy, data={"confirm": "1"})
            assert [each.workflows for each in shop.ledger.retention.removals()] == [1]
            for address in ("/workflows/shop", "/workflows/shop/versions/1", "/workflows/shop/diff/1/2"):
                page = await client.get(address)
                assert page.status_code == 404
                assert "was removed under a retention policy" in page.text, address
            answer = (await client.get("/api/workflows/shop/versions/1")).json()
            assert answer["type"].endswith("WorkflowRemoved")


def test_a_start_that_has_read_a_workflow_is_not_stored_once_that_went(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.ledger.workflows.save(DEFINITION, workflow_id="other", by="ada")
    decide = start._decide

    def decide_too_late(*given: Any) -> start.Opening:
        opening = decide(*given)
        shop.ledger.workflows.archive("other", by="ada")
        shop.age()
        assert shop.ledger.retention.apply(OLD, by="ops").workflows == 1
        return opening

    monkeypatch.setattr(start, "_decide", decide_too_late)
    with pytest.raises(fl.WorkflowRemoved):
        shop.ledger.runs.start("other", by="ada")
    assert list(shop.ledger.history.runs()) == []
    shop.assert_sound()
