"""The how-to's service runs as it is printed, on a real server."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

import flowledger as fl

from ..storage.clusters import run_sql
from .conftest import definition

PAGE = Path(__file__).parents[2] / "docs/how-to/start-in-your-own-transaction.md"


async def test_an_order_and_its_run_are_stored_both_or_neither(
    pg_ledger: fl.Ledger, pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pg_ledger.workflows.save(definition("echo"), workflow_id="delivery")
    run_sql(pg_url, "CREATE TABLE orders (id int PRIMARY KEY, run_id text)")
    monkeypatch.setenv("DATABASE_URL", pg_url)
    (service,) = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "service"}
    exec(compile(service, str(PAGE), "exec"), names)  # noqa: S102 - our own docs
    transport = httpx.ASGITransport(names["app"])
    async with (
        names["lifespan"](names["app"]),
        httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
    ):
        run_id = (await client.post("/orders/7")).json()["run"]
        with pytest.raises(IntegrityError):
            await client.post("/orders/7")
    assert [run.id for run in pg_ledger.history.runs(workflow_id="delivery").items] == [run_id]
    assert pg_ledger.runs.proceed(run_id).snapshot.context["echo0"][-1].output == {"order": 7}
