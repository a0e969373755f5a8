"""One worker process: ``python -m tests.cluster.host URL FOLDER NAME LEASE``. It ends when its input is closed."""

import sys

from .process import opened, told_to_stop


def main(url: str, folder: str, name: str, lease: str) -> None:
    with opened(url, folder, name, float(lease)) as ledger, ledger.worker(name=name, lease=float(lease)):
        told_to_stop.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
