"""What pages and the API show of a run whose subject was erased, or whose key isn't there: in place of values, why."""

from datetime import UTC, datetime
from pathlib import Path

import flowledger as fl

from ..web.acts.conftest import Shop
from ..web.client import local
from .subjects import WORD, WORKFLOWS, open_with, start


def addresses(run_id: str) -> list[str]:
    below = ("", "?step=n0", "?step=n1", "/versions/2", ".json", "/report.html", "/retry", "/reproduce", "/fork")
    return [
        *(f"/runs/{run_id}{path}" for path in below),
        *(
            f"/api/runs/{run_id}{path}"
            for path in ("", "/events", "/steps", "/snapshot", "/audit", "/logs", "/lineage")
        ),
        *("/history", "/history.json", "/steps", "/failures", "/audit", "/waits", "/search?q=person"),
    ]


async def test_nothing_of_an_erased_person_is_on_any_page(memory_ledger: fl.Ledger) -> None:
    run = start(memory_ledger, trigger={"kind": "mail", "from": WORD})
    failed = start(memory_ledger, "failures")
    asked = start(memory_ledger, "questions")
    async with local(memory_ledger) as client:
        assert WORD in (await client.get(f"/runs/{run.id}")).text
        memory_ledger.erase("customer:42", by="dpo", reason="asked for it")
        today = datetime.now(UTC).date().isoformat()
        for run_id in (run.id, failed.id, asked.id):
            for address in addresses(run_id):
                answer = await client.get(address)
                assert answer.status_code < 500, (address, answer.text)
                assert WORD not in answer.text, address
            page = await client.get(f"/runs/{run_id}")
            assert page.status_code == 200
            assert f"&lt;erased {today}&gt;" in page.text


async def test_pages_without_a_key_ring_say_so(tmp_path: Path, ring: fl.KeyRing) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with open_with(url, ring) as ledger:
        run = start(ledger)
    with fl.open_ledger(url) as ledger:
        async with local(ledger) as client:
            page = await client.get(f"/runs/{run.id}")
    assert page.status_code == 200
    assert "&lt;no key ring&gt;" in page.text
    assert WORD not in page.text


async def test_a_run_whose_key_is_not_there_is_cancelled_on_its_page(tmp_path: Path, ring: fl.KeyRing) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with open_with(url, ring) as ledger:
        run = start(ledger, "questions")
    with fl.open_ledger(url) as ledger:
        page = Shop(ledger, [])
        address, form = await page.fill(f"/runs/{run.id}/cancel")
        _, shown = await page.send(address, form | {"why": WORD})
        assert "without a reason, which would be sealed, too, it can be done now" in shown.text
        for _ in range(2):  # sent twice, it is done once
            status, shown = await page.send(address, form)
            assert (status, "is cancelled" in shown.text) == (303, True)
        assert ledger.runs.get(run.id).status == "cancelled"


async def test_a_run_is_started_for_a_person_in_a_browser(memory_ledger: fl.Ledger) -> None:
    page = Shop(memory_ledger, [])
    status, shown = await page.do("/workflows/echoes/start", {"payload": f'"{WORD}"', "subject": "customer:42"})
    assert (status, WORD in shown.text) == (303, True)
    assert memory_ledger.erase("customer:42", by="dpo", reason="asked for it").runs
    (run,) = memory_ledger.history.runs()
    assert WORD not in (await page.visit(f"/runs/{run.id}")).text


async def test_without_a_key_ring_no_form_asks_for_a_person() -> None:
    with fl.open_ledger("memory:") as ledger:
        ledger.workflows.save(WORKFLOWS["echoes"], workflow_id="echoes")
        form = await Shop(ledger, []).visit("/workflows/echoes/start")
    assert not form.find("input", name="subject")
