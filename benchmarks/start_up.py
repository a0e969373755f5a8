"""How long ``import flowledger`` takes, and what it must not bring in."""

import subprocess
import sys
import time

from .report import Row
from .rounds import interleaved, warmed_up
from .servers import Stores

HEAVY = ("psycopg", "typer", "rich", "starlette", "fastapi", "uvicorn", "jsonschema_rs", "cel")


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    def start(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    starts = {"bare": lambda: start("pass"), "import": lambda: start("import flowledger")}
    figures = interleaved(warmed_up(starts), rounds)
    taken = figures["import"].median - figures["bare"].median
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, flowledger; print(*(name for name in {HEAVY} if name in sys.modules))"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    return [
        Row(
            "import flowledger",
            f"{taken:.3f} s",
            "< 0.3 s",
            taken < 0.3,
            f"{figures['import'].median / figures['bare'].median:.1f} × a bare start",
        ),
        Row("heavy modules that the import brings", ", ".join(found) or "none", "none", not found),
    ]
