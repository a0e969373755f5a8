"""What a policy takes away, on the databases; and that nothing else changes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.presentation.documents import row_document

from ..web.client import local
from ..web.reading import read
from .shops import Shop, opened

OLD = fl.RetentionPolicy(older_than=timedelta(days=90))


@pytest.fixture
def shop(durable_url: str, tmp_path: Path) -> Iterator[Shop]:
    with opened(durable_url, tmp_path, fl.KeyRing.generate(tmp_path / "ring.json")) as shop:
        yield shop


def kept(report: fl.RetentionReport) -> dict[str, int]:
    return {each.reason: each.runs for each in report.kept}


def test_what_is_old_goes_and_all_else_stays_and_verifies(shop: Shop) -> None:
    old = [shop.order(number) for number in range(5)]
    failed, waiting = shop.order("fail"), shop.order("wait")
    before = shop.sign()
    shop.age()
    young = shop.order("young")
    after = shop.sign()
    proof = shop.ledger.evidence.prove(young.id)

    would = shop.ledger.retention.preview(OLD)
    assert shop.runs() == {run.id for run in [*old, failed, waiting, young]}
    done = shop.ledger.retention.apply(OLD, by="ops", reason="90 days")

    assert (would.runs, would.events, would.bytes) == (done.runs, done.events, done.bytes)
    assert (done.runs, done.work_orders, kept(done)) == (5, 5, {"open": 1, "status": 1, "young": 1})
    assert shop.runs() == {failed.id, waiting.id, young.id}
    assert shop.ledger.evidence.prove(young.id) == proof
    shop.assert_sound(before, after, shop.sign())
    (told,) = shop.ledger.evidence.check(after).removed
    assert (told.by, told.runs, told.events) == ("ops", 5, done.events)
    assert told == shop.ledger.retention.removals()[0]
    (act,) = shop.ledger.history.trail(kind="retention")
    assert act.summary == f"removed under a retention policy: 5 runs, {done.events} events: 90 days"


def test_a_run_that_went_says_so_and_its_key_begins_nothing_anew(shop: Shop) -> None:
    gone = shop.order(idempotency_key="k-1")
    shop.age()
    shop.ledger.retention.apply(OLD, by="ops")
    ledger = shop.ledger
    for ask in (ledger.runs.get, ledger.history.snapshot, ledger.history.audit, ledger.runs.retry):
        with pytest.raises(fl.RunRemoved, match=rf"{gone.id}' was removed .* by ops; it wasn't archived"):
            ask(gone.id)  # type: ignore[operator]
    with pytest.raises(fl.WorkOrderRemoved, match="give another idempotency key"):
        shop.order(idempotency_key="k-1")
    with fl.open_ledger(str(ledger._store.url), create=False) as other, pytest.raises(fl.WorkOrderRemoved):
        other.runs.start("shop", idempotency_key="k-1", wait=False, by="ada")
    with pytest.raises(fl.WorkOrderRemoved):
        ledger.runs.work_order(gone.work_order_id)
    shop.assert_sound()


def test_nothing_of_a_run_is_left_in_lists_or_in_the_search(shop: Shop) -> None:
    shop.order("quince")
    shop.order("fail")
    shop.ledger.search.catch_up()
    shop.age()
    both = fl.RetentionPolicy(older_than=timedelta(days=90), status=("completed", "failed"))
    assert shop.ledger.retention.apply(both, by="ops").runs == 2
    history = shop.ledger.history
    assert not history.runs(text="quince")
    assert not history.steps()
    assert not history.failures()
    assert not history.work_orders()
    assert not history.counts("status")
    shop.assert_sound()


def test_a_work_order_goes_whole_or_stays(shop: Shop) -> None:
    first = shop.order("fail")
    shop.age()
    again = shop.ledger.runs.retry(first.id, by="ada")
    assert again.status == "failed"
    report = shop.ledger.retention.apply(fl.RetentionPolicy(timedelta(days=90), ("failed",)), by="ops")
    assert (report.runs, kept(report)) == (0, {"young": 2})
    shop.age()
    report = shop.ledger.retention.apply(fl.RetentionPolicy(timedelta(days=90), ("failed",)), by="ops")
    assert (report.runs, report.work_orders) == (2, 1)
    shop.assert_sound()


def test_what_a_run_began_with_stays_as_long_as_that_does(shop: Shop) -> None:
    source, other = shop.order(), shop.order()
    shop.age()
    fork = shop.ledger.runs.fork(source.id, 1, by="ada")
    report = shop.ledger.retention.apply(OLD, by="ops")
    assert other.id not in shop.runs()
    assert {source.id, fork.id} <= shop.runs()
    assert report.runs == 1
    assert shop.ledger.history.snapshot(fork.id).status == "completed"
    shop.assert_sound()


def test_of_the_newest_so_many_stay(shop: Shop) -> None:
    runs = [shop.order(number) for number in range(6)]
    report = shop.ledger.retention.apply(fl.RetentionPolicy(keep_last=2), by="ops")
    assert (report.runs, kept(report)) == (4, {"newest": 2})
    assert shop.runs() == {run.id for run in runs[4:]}
    size = shop.ledger.retention.preview(fl.RetentionPolicy(everything=True)).bytes
    report = shop.ledger.retention.apply(fl.RetentionPolicy(max_bytes=size // 2 + 1), by="ops")
    assert (report.runs, kept(report)) == (1, {"room": 1})
    assert shop.runs() == {runs[5].id}


def test_a_policy_that_keeps_nothing_must_say_so(shop: Shop) -> None:
    shop.order()
    for policy in (fl.RetentionPolicy(), fl.RetentionPolicy(timedelta(0)), fl.RetentionPolicy(keep_last=0)):
        with pytest.raises(fl.InvalidRequest, match="everything=True"):
            shop.ledger.retention.apply(policy, by="ops")
    assert len(shop.runs()) == 1
    assert shop.ledger.retention.apply(fl.RetentionPolicy(everything=True), by="ops").runs == 1


def test_each_run_is_archived_before_it_goes(shop: Shop, tmp_path: Path) -> None:
    gone = shop.order("keepsake")
    before = shop.ledger.history.snapshot(gone.id)
    shop.age()
    policy = fl.RetentionPolicy(timedelta(days=90), archive=tmp_path / "archive")
    assert shop.ledger.retention.apply(policy, by="ops").runs == 1
    with pytest.raises(fl.RunRemoved, match="its archive is in"):
        shop.ledger.runs.get(gone.id)
    (file,) = (tmp_path / "archive").iterdir()
    with pytest.raises(fl.WorkOrderRemoved):
        shop.ledger.history.import_(file)
    with fl.open_ledger("memory:") as elsewhere:
        elsewhere.history.import_(file)
        assert elsewhere.history.snapshot(gone.id) == before
    shop.assert_sound()


def test_an_archive_that_cant_be_written_keeps_the_runs(shop: Shop, tmp_path: Path) -> None:
    shop.order()
    shop.age()
    (tmp_path / "file").write_text("no folder")
    policy = fl.RetentionPolicy(timedelta(days=90), archive=tmp_path / "file")
    with pytest.raises(fl.FlowledgerError):
        shop.ledger.retention.apply(policy, by="ops")
    assert len(shop.runs()) == 1


def test_a_legal_hold_keeps_a_run_or_all_runs_of_a_subject(shop: Shop) -> None:
    held, of_subject, free = shop.order(), shop.order(subject="customer:1"), shop.order()
    shop.age()
    retention = shop.ledger.retention
    retention.hold(held.id, by="law", reason="case 7")
    retention.hold(subject="customer:1", by="law", reason="case 8")
    assert retention.hold(held.id, by="somebody", reason="else").reason == "case 7"
    assert [(each.kind, each.by, each.reason) for each in retention.holds()] == [
        ("run", "law", "case 7"),
        ("subject", "law", "case 8"),
    ]
    report = retention.apply(OLD, by="ops")
    assert (report.runs, kept(report)) == (1, {"held": 2})
    assert shop.runs() == {held.id, of_subject.id}
    assert free.id not in shop.runs()
    with pytest.raises(fl.UnderLegalHold, match=r"case 8.*retention.lift"):
        shop.ledger.erase("customer:1", by="dpo")
    retention.lift(held.id, by="law")
    retention.lift(subject="customer:1", by="law", reason="closed")
    with pytest.raises(fl.InvalidRequest, match="under no legal hold"):
        retention.lift(held.id, by="law")
    shop.ledger.erase("customer:1", by="dpo")
    assert retention.apply(OLD, by="ops").runs == 2
    shop.assert_sound()


def test_erasing_a_subject_whose_runs_are_gone_erases_the_rest(shop: Shop) -> None:
    shop.order(subject="customer:1")
    shop.age()
    young = shop.order(subject="customer:1")
    shop.ledger.retention.apply(OLD, by="ops")
    report = shop.ledger.erase("customer:1", by="dpo")
    assert [run.run_id for run in report.runs] == [young.id]
    assert report.work_orders == 1
    shop.assert_sound()


def during(shop: Shop, monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let something happen after a batch was read, and before it is removed."""
    from flowledger.infrastructure.services.retention import removal

    remove, acted = removal.remove, []

    def acting(*args: Any) -> Any:
        if not acted:
            acted.append(True)
            act()
        return remove(*args)

    monkeypatch.setattr(removal, "remove", acting)


@pytest.mark.parametrize("act", ["metadata", "retry", "fork", "hold"])
def test_what_happens_meanwhile_keeps_its_work_order(shop: Shop, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    one, two = shop.order("fail"), shop.order("fail")
    shop.age()
    acts = {
        "metadata": lambda: shop.ledger.runs.set_metadata(one.id, {"seen": True}, by="ann"),
        "retry": lambda: shop.ledger.runs.retry(one.id, by="ann"),
        "fork": lambda: shop.ledger.runs.fork(one.id, 1, by="ann"),
        "hold": lambda: shop.ledger.retention.hold(one.id, by="law", reason="case 7"),
    }
    during(shop, monkeypatch, acts[act])
    report = shop.ledger.retention.apply(fl.RetentionPolicy(timedelta(days=90), ("failed",)), by="ops")
    assert one.id in shop.runs()
    assert kept(report)["changed"] >= 1
    if act != "hold":
        assert two.id not in shop.runs()
    shop.assert_sound()
    shop.age()
    again = shop.ledger.retention.apply(fl.RetentionPolicy(timedelta(days=90), ("failed", "completed")), by="ops")
    assert (one.id in shop.runs()) == (act == "hold")
    assert two.id not in shop.runs()
    assert again.runs >= 1


def test_followers_go_on_behind_what_was_removed(shop: Shop) -> None:
    gone = shop.order()
    with shop.ledger.subscribe(name="mails", catch_up=True) as mails:
        assert [event.stream for event in mails][-1] in (gone.id, gone.work_order_id)
    shop.ledger.search.catch_up()
    before = shop.sign()
    shop.age()
    shop.ledger.retention.apply(OLD, by="ops")
    later = shop.order("later")
    with shop.ledger.subscribe(name="mails", catch_up=True) as mails:
        streams = [event.stream for event in mails]
    assert streams[0].startswith("retention:")
    assert later.id in streams
    assert gone.id not in streams
    assert shop.ledger.search.lag().seconds > 0
    shop.ledger.search.catch_up()
    assert {run.id for run in shop.ledger.history.runs(text="later")} == {later.id}
    shop.assert_sound(before)


def test_a_tree_that_is_made_again_has_the_leaves_of_what_went(shop: Shop) -> None:
    for number in range(4):
        shop.order(number)
        shop.clock.advance(days=1)
    first = shop.sign()
    shop.ledger.retention.apply(fl.RetentionPolicy(keep_last=3), by="ops", reason="a long one " * 1_000)
    shop.ledger.retention.apply(fl.RetentionPolicy(keep_last=2), by="ops")
    assert [told.runs for told in shop.ledger.retention.removals()] == [1, 1]
    second = shop.sign()
    shop.ledger.rebuild()
    shop.assert_sound(first, second, shop.sign())


def test_events_are_recorded_in_several_parts_where_there_are_many(durable_url: str, tmp_path: Path) -> None:
    with opened(durable_url, tmp_path) as shop:
        first = shop.order("first")
        for number in range(39):
            shop.order(number)
        before = shop.sign()
        shop.ledger._store._mapper.max_event_bytes = 256 * 50  # so 50 leaves go into one event
        report = shop.ledger.retention.apply(fl.RetentionPolicy(keep_last=1), by="ops")
        assert report.runs == 39
        (told,) = shop.ledger.retention.removals()
        assert (told.runs, told.events) == (39, report.events)
        shop.ledger.rebuild()
        shop.assert_sound(before, shop.sign())
        with pytest.raises(fl.RunRemoved):
            shop.ledger.runs.get(first.id)


def test_a_store_in_memory_keeps_all_that_it_has() -> None:
    with fl.open_ledger("memory:") as ledger:
        assert ledger.retention.preview(OLD).runs == 0
        with pytest.raises(fl.InvalidRequest, match="needs SQLite or PostgreSQL"):
            ledger.retention.apply(OLD, by="ops")


def test_a_file_of_heads_knows_what_went(shop: Shop, tmp_path: Path) -> None:
    shop.order()
    assert shop.ledger.verify(heads=tmp_path / "heads").heads_written
    shop.age()
    shop.ledger.retention.apply(OLD, by="ops")
    assert shop.ledger.verify(heads=tmp_path / "heads").findings == ()


def test_two_who_apply_the_same_policy_at_once_remove_everything_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(3):
        shop.order(number)
    before = shop.sign()
    policy = fl.RetentionPolicy(everything=True, archive=tmp_path / "archive")
    others: list[fl.RetentionReport] = []
    during(shop, monkeypatch, lambda: others.append(shop.ledger.retention.apply(policy, by="other")))
    report = shop.ledger.retention.apply(policy, by="ops")
    assert (others[0].runs, report.runs, kept(report)) == (3, 0, {"changed": 3})
    assert [(each.by, each.runs) for each in shop.ledger.retention.removals()] == [("other", 3)]
    shop.assert_sound(before, shop.sign())


def test_a_policy_is_applied_by_itself_for_as_long_as_the_block_lasts(shop: Shop) -> None:
    old = shop.order()
    shop.age()
    young = shop.order()
    with (
        shop.ledger.subscribe("now") as events,
        shop.ledger.retention.apply_regularly(OLD, by="worker", every=timedelta(milliseconds=20)),
    ):
        assert next(event for event in events if event.type == "retention.removed").data["by"] == "worker"
        assert shop.runs() == {young.id}
        shop.age()  # the next time it is old, too
        next(event for event in events if event.type == "retention.removed")
    assert shop.runs() == set()
    assert old.id not in shop.runs()
    with pytest.raises(fl.InvalidRequest, match="everything=True"):
        shop.ledger.retention.apply_regularly(fl.RetentionPolicy())
    with pytest.raises(fl.InvalidRequest, match="length of time above 0"):
        shop.ledger.retention.apply_regularly(OLD, every=timedelta(0))


async def test_history_says_that_runs_are_missing_from_it(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as shop:
        shop.order()
        shop.ledger.workflows.save({"nodes": [{"id": "check", "type": "check"}]}, workflow_id="shop", by="ada")
        async with local(shop.ledger) as client:
            lists = ("history", "steps?node=check", "search?text=fine", "audit", "failures?since=all")
            for address in lists:
                assert "were removed" not in (await client.get(f"/{address}")).text
            shop.age()
            assert not shop.ledger.retention.removals()
            then = quote((shop.clock() - timedelta(days=95)).isoformat())
            shop.ledger.retention.apply(OLD, by="ops")
            for of_runs in (0, 1):
                for address in lists:
                    page = read((await client.get(f"/{address}")).text)
                    assert (
                        "1 earlier run was removed under a retention policy (completed, older than 90 days)"
                        in page.text
                    )
                    assert page.link("What was removed") == "/retention", (of_runs, address)
                    path, _, query = address.partition("?")
                    data = (await client.get(f"/{path}.json?{query}")).json()
                    assert data["begins"] == row_document(shop.ledger.retention.begins())
                shop.order()
            for address in ("workflows", "workflows/shop?panel=versions", "workflows/shop/diff/1/2"):
                page = read((await client.get(f"/{address}")).text)
                assert page.link("What was removed") == "/retention", address
            as_of = (await client.get(f"/history?as_of={then}")).text
            assert "As of then there were more runs" in as_of
            api = ("runs", "work-orders", "steps", "failures", "trail", "counts?group=status", "timings/shop")
            for address in api:
                data = (await client.get(f"/api/{address}")).json()
                assert data["begins"] == row_document(shop.ledger.retention.begins()), address
            trail = (await client.get("/audit?kind=retention")).text
            assert "removed under a retention policy: 1 runs" in trail
