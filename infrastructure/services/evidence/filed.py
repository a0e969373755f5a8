"""Checking an audit or a report that was filed: against the store, and by the proof that it carries."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ....domain.errors import InvalidRequest
from ....domain.evidence.signed_note import COSIGNER, ED25519, NamedKey, key_hint
from ....domain.values.point_in_time import AtVersion
from ....domain.visible import quoted
from ....projections.audit.build import RunAudit
from ....projections.audit.check import AuditCheck
from ....projections.audit.filed import FiledAudit, FiledReport, read_filed
from ...files.text import parse_json, read_text
from ...storage.codec import chain_digest, initial_digest
from ..history.audit import Auditor

Filed = Mapping[str, Any] | RunAudit | Path | str | bytes
"""An audit as JSON, or the content of a file with it or with a report, or the path of one."""


def parse_filed(filed: Filed) -> FiledAudit | FiledReport:
    """Raises InvalidRequest where that is neither an audit nor a report."""
    name = f"the file {str(filed)!r}" if isinstance(filed, Path) else "what was filed"
    try:
        if isinstance(filed, RunAudit):
            filed = filed.to_data()
        if isinstance(filed, Mapping):
            return FiledAudit(filed)
        if isinstance(filed, Path):
            filed = read_text(filed)
        if isinstance(filed, bytes):
            filed = filed.decode()
        if not isinstance(filed, str):
            raise InvalidRequest(f"{quoted(filed)} is neither an audit nor the path or content of a file with one")
        return read_filed(filed, lambda text: parse_json(text, name))
    except ValueError as error:
        raise InvalidRequest(f"{name}: {error}") from error


def check_filed(
    filed: FiledAudit | FiledReport, auditor: Auditor, key: NamedKey | None, *witnesses: NamedKey
) -> AuditCheck:
    """Raises what an audit raises; InvalidRequest for keys of another kind."""
    now = auditor.audit(filed.run_id, AtVersion(filed.version), filed.work_order_version)
    differences, uncompared = filed.compare(now.to_data())
    proof = NO_PROOF if filed.proof is None else _check_proof(filed, filed.proof, key, witnesses)
    return AuditCheck(
        filed.kind,
        filed.run_id,
        filed.version,
        filed.digest_fits,
        now.provenance.ok,
        differences,
        now.provenance.findings,
        uncompared,
        *proof,
    )


class CheckedProof(NamedTuple):
    """Whether a proof holds, and what it shows, in words."""

    holds: bool | None
    says: str | None


NO_PROOF = CheckedProof(None, None)


def _check_proof(
    filed: FiledAudit | FiledReport, proof: str, key: NamedKey | None, witnesses: Sequence[NamedKey]
) -> CheckedProof:
    if key is None:
        return CheckedProof(None, "it carries a proof, which nobody looked at: give the public key")
    if [key.kind, *(each.kind for each in witnesses)] != [ED25519, *(COSIGNER for _ in witnesses)]:
        raise InvalidRequest("the public key of the store comes first, and behind it those of witnesses alone")
    from flowledger.check_proof import Wrong, check_proof  # it needs the extra evidence, and is in none of the packages

    try:
        shown = check_proof(proof.encode(), _as_checked(key), [*map(_as_checked, witnesses)])
    except Wrong as error:
        return CheckedProof(False, str(error))
    document = json.loads(proof)
    if document["run"] != filed.run_id:
        return CheckedProof(False, f"it is a proof of run {quoted(document['run'])}")
    proved = {entry["stream"]: dict(_digests(entry)) for entry in document["streams"]}
    for stream, (version, digest) in filed.heads().items():
        if proved.get(stream, {}).get(version, digest) != digest:
            return CheckedProof(False, f"it proves another event {version} of stream {quoted(stream)} than was filed")
    covered = max(proved[filed.run_id])
    later = "" if covered >= filed.version else f"; it was signed when the run had {covered} of {filed.version} events"
    return CheckedProof(True, shown + later)


def _as_checked(key: NamedKey) -> tuple[str, bytes, bytes]:
    return key.name, key_hint(key), key.bytes


def _digests(entry: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Version and digest (hex) of each event of a stream in a proof that was checked."""
    version = entry.get("after", 0)
    digest = bytes.fromhex(entry["previous"]) if version else initial_digest(entry["stream"])
    for event in entry["events"]:
        version += 1
        body = event["body"].encode() if "body" in event else b64decode(event["bytes"])
        digest = chain_digest(digest, bytes.fromhex(event["id"]), event["type"], body)
        yield version, digest.hex()
