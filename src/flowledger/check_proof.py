"""Check proofs of flowledger runs, without flowledger: python check_proof.py KEY PROOF…

KEY is the line that `flowledger evidence keygen` printed, or a file with it; further lines are the keys of witnesses,
each of which must have signed the checkpoint, too. Needs Python 3.11 and `cryptography`.
For each file it says what it proves, or what is wrong with it. It exits with 1 if anything is, with 2 where it isn't
called so, or the key is none. It can be copied.
The format is described in docs/reference/evidence.md.
"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "flowledger/proof@v1"

Key = tuple[str, bytes, bytes]
"""Name, hint and public key."""


class Wrong(Exception):
    """What is wrong with a proof."""


def demand(condition: object, message: str) -> None:
    """Raises Wrong unless the condition holds."""
    if not condition:
        raise Wrong(message)


def sha256(*parts: bytes) -> bytes:
    """The digest of the parts, one behind the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def from_base64(text: Any, what: str) -> bytes:
    """The bytes of a text that is the one base64 of them."""
    try:
        found = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise Wrong(f"{what} is no base64") from None
    demand(base64.b64encode(found).decode() == text, f"{what} is no base64")
    return found


def from_hex(text: Any, length: int, what: str) -> bytes:
    """The bytes of a text that is the lower-case hex of so many."""
    demand(isinstance(text, str) and re.fullmatch("[0-9a-f]*", text) and len(text) == 2 * length, f"{what} is no hex")
    return bytes.fromhex(text)


def read_key(text: str, kind: int = 1) -> Key:
    """Name, hint and key of a verifier key NAME+HINT+KEY; kind 4 is that of a witness."""
    name, hint, encoded = [*text.strip().split("+", 2), "", ""][:3]
    key = from_base64(encoded, "the key")
    demand(len(key) == 33 and key[0] == kind, "the key is none of Ed25519, or of another kind")
    demand(sha256(name.encode(), b"\n", key)[:4].hex() == hint, "the key's parts don't belong together")
    return name, bytes.fromhex(hint), key[1:]


def demand_witness(note: str, key: Key) -> None:
    """Raises Wrong unless the key of a witness has signed a checkpoint, too (C2SP's cosignature/v1)."""
    name, hint, public = key
    text, _, signatures = note.rpartition("\n\n")
    for line in signatures.split("\n"):
        _, signer, encoded = [*line.split(" "), "", ""][:3]
        signature = from_base64(encoded, "a signature")
        if (signer, signature[:4]) == (name, hint):
            time = int.from_bytes(signature[4:12], "big")
            try:
                signed = f"cosignature/v1\ntime {time}\n{text}\n".encode()
                Ed25519PublicKey.from_public_bytes(public).verify(signature[12:], signed)
            except InvalidSignature:
                raise Wrong(f"the signature of the witness {name} isn't of this checkpoint") from None
            return
    raise Wrong(f"the witness {name} hasn't signed the checkpoint")


def read_checkpoint(note: str, key: Key, witnesses: Sequence[Key] = ()) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key has signed, and each of these witnesses."""
    name, hint, public = key
    text, blank, signatures = note.rpartition("\n\n")
    demand(blank and signatures.endswith("\n"), "the checkpoint is no signed note")
    text, signed = text + "\n", False
    for line in signatures[:-1].split("\n"):
        dash, signer, encoded = [*line.split(" "), "", ""][:3]
        demand(line == f"{dash} {signer} {encoded}" and dash == "—", "the checkpoint has a line that is no signature")
        signature = from_base64(encoded, "a signature")
        if not signed and (signer, signature[:4]) == (name, hint):
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Wrong("the signature isn't of this checkpoint") from None
            signed = True
    demand(signed, f"the checkpoint isn't signed by the key of {name}")
    for witness in witnesses:
        demand_witness(note, witness)
    lines = text.split("\n")
    demand(len(lines) > 3 and lines[0] == name, "the checkpoint's origin isn't the name of the key")
    demand(re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]), "the checkpoint's size is no number")
    return int(lines[1]), from_base64(lines[2], "the checkpoint's root")


def climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that a path leads to, from a leaf (RFC 9162, 2.1.3.2)."""
    place, last, found = index, size - 1, leaf
    for beside in path:
        demand(last > 0, "a path is too long")
        if place & 1 or place == last:
            found = sha256(b"\1", beside, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = sha256(b"\1", found, beside)
        place, last = place >> 1, last >> 1
    demand(last == 0, "a path is too short")
    return found


def is_number(value: Any) -> bool:
    """Whether it is a whole number, 0 or more."""
    return type(value) is int and 0 <= value < 2**53


def read_event(event: Any) -> tuple[str, bytes, bytes]:
    """Type, id and body of an event."""
    demand(isinstance(event, dict), "an event is no object")
    kind = "body" if "body" in event else "bytes"
    demand(set(event) == {"type", "id", kind, "index", "path"}, "an event has other keys than it should have")
    demand(isinstance(event["type"], str) and "\n" not in event["type"], "a type is none")
    demand(isinstance(event[kind], str), "a body is no text")
    body = event["body"].encode() if kind == "body" else from_base64(event["bytes"], "a body")
    return event["type"], from_hex(event["id"], 8, "an id"), body


def check_stream(entry: Any, hashes: list[bytes], size: int, root: bytes, used: set[int]) -> None:
    """Check the events of a stream: each follows from the one before, and is a leaf below the root."""
    demand(isinstance(entry, dict), "a stream is no object")
    begins = set(entry) == {"stream", "events"}
    demand(begins or set(entry) == {"stream", "after", "previous", "events"}, "a stream has other keys than it should")
    stream, events = entry["stream"], entry["events"]
    demand(isinstance(stream, str) and isinstance(events, list) and events, "a stream has no events")
    version = 0 if begins else entry["after"]
    demand(is_number(version) and (begins or version > 0), "a stream begins at no version")
    digest = sha256(stream.encode()) if begins else from_hex(entry["previous"], 32, "a digest")
    for event in events:
        type_, id_, body = read_event(event)
        version += 1
        digest = sha256(digest, id_, type_.encode(), b"\0", body)
        where = f"event {version} of stream {json.dumps(stream)}"
        leaf = f"flowledger/event@v1\n{digest.hex()}\n{version}\n{type_}\n{stream}\n".encode()
        index, path = event["index"], event["path"]
        demand(is_number(index) and index < size, f"{where}: its index is beyond the checkpoint")
        demand(isinstance(path, list), f"{where}: it has no path")
        demand(all(is_number(at) and at < len(hashes) for at in path), f"{where}: its path has no such hash")
        used.update(path)
        found = climb(sha256(b"\0", leaf), index, size, [hashes[at] for at in path])
        demand(found == root, f"{where}: it isn't among the events that were signed, as it is here")


def check_proof(content: bytes, key: Key, witnesses: Sequence[Key] = ()) -> str:
    """What a proof (bytes) shows, as a sentence. Raises Wrong."""
    try:
        text = content.decode()
        proof = json.loads(text)
        canonical = json.dumps(proof, ensure_ascii=False, separators=(",", ":")) + "\n"
    except (ValueError, RecursionError):
        raise Wrong("it is no JSON") from None
    demand(canonical == text, "it isn't written as proofs are")
    demand(isinstance(proof, dict), "it is no object")
    demand(set(proof) == {"format", "run", "checkpoint", "hashes", "streams"}, "it has other keys than a proof has")
    demand(proof["format"] == FORMAT, f"its format isn't {FORMAT}")
    demand(isinstance(proof["checkpoint"], str), "its checkpoint is no text")
    size, root = read_checkpoint(proof["checkpoint"], key, witnesses)
    demand(isinstance(proof["hashes"], list) and isinstance(proof["streams"], list), "it has no hashes or no streams")
    hashes = [from_base64(hash_, "a hash") for hash_ in proof["hashes"]]
    demand(all(len(hash_) == 32 for hash_ in hashes), "a hash hasn't 32 bytes")
    used: set[int] = set()
    for entry in proof["streams"]:
        check_stream(entry, hashes, size, root, used)
    demand(len(used) == len(hashes), "it has hashes that nothing uses")
    run = proof["streams"][0] if proof["streams"] else {}
    demand(run.get("stream") == proof["run"] and "after" not in run, "it doesn't begin with the run")
    demand(run["events"][0]["type"] == "run.started", "its first event doesn't start a run")
    others = sum(len(entry["events"]) for entry in proof["streams"][1:])
    return (
        f"run {json.dumps(proof['run'])}: {len(run['events'])} events, and {others} that they need, are among the "
        f"first {size} of {key[0]}, as they were signed"
    )


def main(arguments: list[str]) -> int:
    """Check the files; returns the exit code."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    key_text = arguments[0]
    try:
        lines = (key_text if "+" in key_text else Path(key_text).read_text(encoding="utf-8")).strip().split("\n")
        key, witnesses = read_key(lines[0]), [read_key(line, 4) for line in lines[1:]]
    except (Wrong, OSError, ValueError) as error:
        print(f"WRONG the key {key_text!r}: {error}", file=sys.stderr)
        return 2
    wrong = 0
    for name in arguments[1:]:
        try:
            print(f"OK    {name}: {check_proof(Path(name).read_bytes(), key, witnesses)}")
        except (Wrong, OSError) as error:
            wrong += 1
            print(f"WRONG {name}: {error}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
