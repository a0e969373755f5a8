"""Fuzz every parser that reads what strangers write: ``python -m tests.fuzz --seconds 60``.

Needs ``pip install '.[fuzz]'``: libFuzzer, led by which lines of flowledger an input reaches. What ends a target by
anything but an error of ours, or takes too long, or too much memory, is printed and kept as an input.
"""

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import corpus

SLOW_SECONDS, MEMORY_MB = 20, 2048
"""For one input. Bounds of what an expression may take are a tenth of it: this machine does other things as well."""


KEPT = 60
"""New inputs of one target that are kept: the smallest of those that reached new lines."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="which; all of them by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once")
    parser.add_argument("--longest", type=int, default=16_384, help="bytes of an input")
    parser.add_argument("--keep", action="store_true", help="add to the corpus what reaches new lines")
    asked = parser.parse_args()
    from tests.fuzz.targets import TARGETS

    names = asked.targets or list(TARGETS)
    if unknown := {*names} - {*TARGETS}:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    with ThreadPoolExecutor(asked.jobs) as pool:
        failed = [
            name for name, ok in zip(names, pool.map(lambda name: _fuzz(name, asked), names), strict=True) if not ok
        ]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _fuzz(name: str, asked: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        kept, found, artifacts = (Path(scratch) / part for part in ("kept", "found", "artifacts"))
        for folder in (found, artifacts):
            folder.mkdir()
        corpus.unpack(name, kept)
        options = [
            f"-max_total_time={asked.seconds}", f"-timeout={SLOW_SECONDS}", f"-rss_limit_mb={MEMORY_MB}",
            f"-max_len={asked.longest}", f"-artifact_prefix={artifacts}/", "-print_final_stats=1",
        ]  # fmt: skip
        done = _run(name, *options, found, kept)
        for artifact in sorted(artifacts.iterdir()):
            print(f"== {name}: {artifact.name.partition('-')[0]} by {artifact.read_bytes()!r}", flush=True)
        stats = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}, {stats[-1] if stats else '?'} inputs", flush=True)
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if not line.startswith("INFO: Instrumenting")]
            print(done.stdout[-6_000:], "\n".join(said[-40:]), sep="\n", flush=True)
        elif asked.keep:
            new = sorted((each.read_bytes() for each in found.iterdir()), key=len)
            corpus.write(name, [*corpus.read(name), *new[:KEPT]])
        return done.returncode == 0


def _run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.one", name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


if __name__ == "__main__":
    sys.exit(main())
