"""What is sealed is written as earlier releases wrote it, and read back."""

from base64 import b64decode, b64encode

import orjson
from hypothesis import given
from hypothesis import strategies as st

from flowledger.infrastructure.storage.codec import SEALED_KEY, SealedPart
from flowledger.infrastructure.storage.sealing.sealer import StreamCipher

CIPHER = StreamCipher("run-1", ["key-1"], [bytes(32)])


@given(st.text(max_size=200))
def test_the_ciphertext_is_base64_as_the_standard_library_writes_it(output: str) -> None:
    body = {"recorded_at": 1, "by": "ann", "node_id": "n", "output": output}
    stored = CIPHER("run-1", 2, "run.step_completed", body, orjson.dumps)
    text = stored.pop(SEALED_KEY)["data"]
    ciphertext = b64decode(text, validate=True)
    assert b64encode(ciphertext).decode() == text
    stored.pop("sealed_by")
    assert CIPHER.open("run-1", 2, "run.step_completed", stored, SealedPart(["output"], ciphertext)) == body
