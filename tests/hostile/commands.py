"""Runs commands one after the other in this process: what each prints, and its exit status. Told in JSON lines.

Reads lists of arguments, one a line. A process of its own, as the command line settles the streams of its process.
"""

import json
import sys
from io import BytesIO, TextIOWrapper

from flowledger.infrastructure.interfaces.cli import app


def main() -> None:
    answers, questions = sys.stdout, sys.stdin
    for line in questions:
        printed = [TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
        sys.stdout, sys.stderr = printed
        sys.stdin = TextIOWrapper(BytesIO(b"{}"))
        try:
            status: object = app._run(json.loads(line))
        except BaseException as error:
            status = f"{type(error).__name__}: {error}"
        told = [stream.buffer.getvalue().decode() for stream in printed]  # type: ignore[attr-defined]
        print(json.dumps([status, *told]), file=answers, flush=True)


if __name__ == "__main__":
    main()
