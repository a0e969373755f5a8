"""What was filed of a run, an audit or a report, compared with what a store says of the run at that version."""

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from html import unescape
from typing import Any, Final, Literal, NamedTuple

from ...domain.values.json_compare import json_digest
from .check import AuditDifference

_NOT_OF_THE_RUN: Final = frozenset({"digest", "proof", "sinceSuccess"})
"""What isn't the run's, or is told of other runs."""

_PLACES: Final = frozenset({"position", "firstPosition", "lastPosition"})
"""Where events lie in a store; another store, or the same after a restore, has them elsewhere."""


def lasting(audit: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an audit that is the same wherever the run's events are, and whatever other runs do.

    Without positions, the last success before, and what came to the work order.
    """
    kept = {name: value for name, value in audit.items() if name not in _NOT_OF_THE_RUN}
    for name in kept.keys() & {"attempts", "interventions"}:
        kept[name] = _without_places(kept[name])
    if isinstance(work_order := kept.get("workOrder"), Mapping):
        kept["workOrder"] = {name: value for name, value in work_order.items() if name != "runs"}
    if isinstance(provenance := kept.get("provenance"), Mapping):
        streams = _without_places(provenance.get("streams"))
        if isinstance(streams, list):
            id = _work_order_id(audit)
            streams = [one for one in streams if not (isinstance(one, Mapping) and one.get("stream") == id)]
        kept["provenance"] = {**provenance, "streams": streams}
    return kept


def lasting_digest(audit: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the canonical JSON of that part."""
    return json_digest(lasting(audit))


def _without_places(items: Any) -> Any:
    if not isinstance(items, list):
        return items
    return [
        {name: value for name, value in item.items() if name not in _PLACES} if isinstance(item, Mapping) else item
        for item in items
    ]


def _work_order_id(audit: Mapping[str, Any]) -> Any:
    work_order = audit.get("workOrder")
    return work_order.get("workOrderId") if isinstance(work_order, Mapping) else None


class Comparison(NamedTuple):
    """What was filed beside what the store says."""

    differences: tuple[AuditDifference, ...]
    uncompared: tuple[str, ...]


class FiledReport:
    """The digests in a report."""

    kind: Literal["audit", "report"] = "report"
    proof: None = None
    work_order_version: None = None

    def __init__(self, text: str) -> None:
        """Raises ValueError where it is no report, or has no digests."""
        place = _PLACE_OF_REPORT.search(text)
        digests = {unescape(name): digest for name, digest in _DIGESTS.findall(text)}
        if place is None or "audit" not in digests:
            raise ValueError("it is no report, or one without an audit: `flowledger report RUN FILE` writes one")
        self.run_id, self.version = unescape(place[1]), int(place[2])
        self.digest_fits = report_digest(text) == next(iter(_OWN_DIGEST.findall(text)), None)
        self._digests = digests

    def heads(self) -> dict[str, tuple[int, str]]:
        """As no proof is in it, none is needed."""
        return {}

    def compare(self, now: Mapping[str, Any]) -> Comparison:
        """Each digest beside that of the store; ``now`` is its audit."""
        stored = {record["stream"]: record["digest"] for record in _records(now)}
        stored |= {"audit": now["digest"], "definition": now["workflow"]["digest"]}
        return Comparison(
            tuple(
                AuditDifference(name, digest, stored.get(name))
                for name, digest in self._digests.items()
                if stored.get(name) != digest
            ),
            (),
        )


OWN_DIGEST: Final = '<meta name="flowledger-sha256" content="{}">'
"""Of a report: SHA-256 (hex) of the file, with zeros in its place."""
NO_DIGEST: Final = "0" * 64
_OWN_DIGEST: Final = re.compile(OWN_DIGEST.format("([0-9a-f]{64})"))
_PLACE_OF_REPORT: Final = re.compile(r'<meta name="flowledger-run" content="([^"@]{1,200})@([0-9]{1,18})">')
_DIGESTS: Final = re.compile('data-digest="([^"]{1,2000})">([0-9a-f]{64})</td>')


def report_digest(html: str) -> str:
    """The digest of a report, whatever stands in its place."""
    return sha256(_OWN_DIGEST.sub(OWN_DIGEST.format(NO_DIGEST), html, count=1).encode()).hexdigest()


class FiledAudit:
    """An audit as JSON."""

    kind: Literal["audit", "report"] = "audit"

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Raises ValueError where it is none."""
        run_id, version, proof = document.get("runId"), document.get("version"), document.get("proof")
        if not isinstance(run_id, str) or type(version) is not int or not isinstance(proof, str | None):
            raise ValueError("it is no audit: `flowledger audit RUN --out FILE` writes one")
        self.run_id, self.version, self.proof = run_id, version, proof
        # Older releases digested all of it, positions and other runs, too.
        whole = {name: value for name, value in document.items() if name not in ("digest", "proof")}
        self.digest_fits = document.get("digest") in (lasting_digest(document), json_digest(whole))
        self._document = document
        record = _record_of_work_order(document)
        last = record.get("lastVersion")
        self.work_order_version = last if type(last) is int else None

    def heads(self) -> dict[str, tuple[int, str]]:
        """Version and digest (hex) of the last event of each stream that it was read from, by stream."""
        return {
            record["stream"]: (record.get("lastVersion", 0), record.get("digest", ""))
            for record in _records(self._document)
        }

    def compare(self, now: Mapping[str, Any]) -> Comparison:
        """Each value beside what the store says. ``now`` has the work order as it was when the audit was filed."""
        uncompared = list[str]()
        found = list(_differences(lasting(self._document), lasting(now)))
        since, since_now = self._document.get("sinceSuccess"), now["sinceSuccess"]
        if since is not None and since_now is not None:
            found += _differences(since, since_now, "/sinceSuccess")
        elif since is not None:
            uncompared.append("sinceSuccess: the last success before isn't in this store")
        filed_record, record = _record_of_work_order(self._document), _record_of_work_order(now)
        if (self.work_order_version or 0) > record["lastVersion"]:
            uncompared.append(
                f"workOrder.runs: this store has {record['lastVersion']} of {self.work_order_version} events of the "
                "work order"
            )
        else:
            (plain,), (plain_now,) = _without_places([filed_record]), _without_places([record])
            found += _differences(plain, plain_now, "/provenance/streams/1")
            runs = [_without_status(each.get("workOrder")) for each in (self._document, now)]
            found += _differences(runs[0], runs[1], "/workOrder/runs")
        return Comparison(tuple(AuditDifference(*each) for each in found), tuple(uncompared))


def _records(audit: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    provenance = audit.get("provenance")
    streams = provenance.get("streams") if isinstance(provenance, Mapping) else None
    found = streams if isinstance(streams, list) else []
    return [one for one in found if isinstance(one, Mapping) and isinstance(one.get("stream"), str)]


def _record_of_work_order(audit: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in _records(audit) if one["stream"] == _work_order_id(audit)), {})


def _without_status(work_order: Any) -> Any:
    """The runs of a work order without how they stood, which changes."""
    runs = work_order.get("runs") if isinstance(work_order, Mapping) else None
    if not isinstance(runs, list):
        return runs
    return [
        {name: value for name, value in run.items() if name != "status"} if isinstance(run, Mapping) else run
        for run in runs
    ]


def _differences(filed: Any, now: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where, by JSON Pointer, what was filed isn't what the store says. What a later release says besides is none."""
    if isinstance(filed, Mapping) and isinstance(now, Mapping):
        for key, value in filed.items():
            yield from _differences(value, now.get(key), f"{place}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(filed, list) and isinstance(now, list) and len(filed) == len(now):
        for number, (one, other) in enumerate(zip(filed, now, strict=True)):
            yield from _differences(one, other, f"{place}/{number}")
    elif json_digest(filed) != json_digest(now):
        yield place, filed, now


def read_filed(text: str, parse: Callable[[str], Any]) -> FiledAudit | FiledReport:
    """What is in a file. ``parse`` reads JSON. Raises ValueError where it is neither, or what ``parse`` raises."""
    if text.lstrip()[:1] == "<":
        return FiledReport(text)
    document = parse(text)
    if not isinstance(document, Mapping):
        raise ValueError("it is no audit: `flowledger audit RUN --out FILE` writes one")
    return FiledAudit(document)
