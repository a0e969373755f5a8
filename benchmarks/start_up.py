"""What starting costs: the import, the first look at ``open_ledger``, a command's help; compared with libraries alone.

In processor time, as each start is a process of its own and others run beside it.
"""

import os
import subprocess
import sys
from resource import RUSAGE_CHILDREN, getrusage

from .report import Row
from .rounds import Figure, interleaved, warmed_up
from .servers import Stores

LIBRARIES = """
import eventsourcing.persistence, orjson, pydantic, typing_extensions
class Model(pydantic.BaseModel):
    number: int
"""
"""What definitions, runs and stores are made of, loaded as any user loads it: most of pydantic comes with a model."""

STARTS = {
    "libraries": ("-c", LIBRARIES),
    "import": ("-c", "import flowledger"),
    "open_ledger": ("-c", "from flowledger import open_ledger"),
    "help": ("-m", "flowledger", "run", "start", "--help"),
}
MOST = {"import": 1.7, "help": 2.0}
"""Times what the libraries take."""

WHAT = {
    "import": "import flowledger",
    "open_ledger": "the same, and open_ledger ready to be called",
    "help": "flowledger run start --help",
}
HEAVY = ("psycopg", "typer", "rich", "starlette", "fastapi", "uvicorn", "jsonschema_rs", "cel")
ROUNDS = 15


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    starts = {name: lambda command=command: _processor_time(*command) for name, command in STARTS.items()}
    figures = interleaved(warmed_up(starts), ROUNDS)
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, flowledger; print(*(name for name in {HEAVY} if name in sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return [
        *(_row(name, figures[name], figures["libraries"]) for name in WHAT),
        Row("heavy modules that the import brings", ", ".join(found) or "none", "none", not found),
    ]


def _row(name: str, ours: Figure, libraries: Figure) -> Row:
    ratio = ours.median / libraries.median
    most = MOST.get(name)
    return Row(
        WHAT[name],
        f"{ratio:.2f} ×",
        "" if most is None else f"≤ {most} × its libraries alone",
        most is None or ratio <= most,
        f"{ours.median * 1000:.0f} ms of processor time",
        f"{libraries.median * 1000:.0f} ms",
    )


def _processor_time(*command: str) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=compiled)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
