"""A host whose clock is wrong: ``python -m tests.cluster.skewed SECONDS URL FOLDER NAME LEASE``."""

import sys
import time

_ns, _seconds, _skew = time.time_ns, time.time, int(sys.argv[1])
time.time_ns = lambda: _ns() + _skew * 10**9
time.time = lambda: _seconds() + _skew

from .host import main  # noqa: E402 - what it imports shall find the wrong clock

if __name__ == "__main__":
    main(*sys.argv[2:])
