"""Ids of traces and spans, derived from the id of a run: whoever knows the run can compute where its trace is.

    trace        the first 16 bytes of sha256("RUN"), in hex
    run          the first 8 bytes of sha256("RUN/run"), the span of the whole run
    claim, step  the first 8 bytes of sha256("RUN/claim/VERSION") and sha256("RUN/step/VERSION")

``RUN`` is the run's id. A claim has the version of its event; a step that of the event that follows the one at which it
began, which is its own unless operators appended theirs meanwhile.

The ids of runs themselves are no trace ids: samplers go by the last 8 bytes of those and expect them to be random, and
a UUID has its variant there.
"""

import re
from hashlib import sha256

from ..errors import InvalidValue
from ..visible import quoted


def trace_id_of(run_id: str) -> str:
    """The trace id of a run, 32 hexadecimal digits."""
    return _digits(run_id, 32)


def run_span_id(run_id: str) -> str:
    """The id of the span of the whole run, 16 hexadecimal digits."""
    return _digits(f"{run_id}/run", 16)


def claim_span_id(run_id: str, version: int) -> str:
    """The id of the span of one call, or of one worker's turn, that executes steps of the run."""
    return _digits(f"{run_id}/claim/{version}", 16)


def step_span_id(run_id: str, version: int) -> str:
    """The id of the span of one step."""
    return _digits(f"{run_id}/step/{version}", 16)


def _digits(text: str, count: int) -> str:
    return sha256(text.encode()).hexdigest()[:count]


def check_traceparent(text: str, place: str) -> None:
    """Raises InvalidValue for what is no ``traceparent`` of W3C Trace Context, version 00."""
    if not _TRACEPARENT(text):
        form = "00-<32 digits>-<16 digits>-<2 digits>, hexadecimal"
        raise InvalidValue(place, f"{quoted(text)} is no traceparent: {form}")


_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
