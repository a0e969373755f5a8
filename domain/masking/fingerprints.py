"""Which value a global had, without saying it: a keyed fingerprint, the same for the same value."""

import hmac
import json
from contextlib import suppress
from typing import Any, Final

from pydantic import Secret, SecretBytes, SecretStr

from ..values.json_compare import canonical_json

FINGERPRINT_DIGITS: Final = 16
"""Hexadecimal ones, of HMAC-SHA-256: 64 bits tell apart all values that a name ever has."""

_PLAIN: Final = frozenset((str, int, float, bool, dict, list, tuple, type(None), bytes, bytearray))


class Fingerprints:
    """Makes them under one key. Nobody guesses a value by its fingerprint who hasn't the key."""

    __slots__ = ("_mac",)

    def __init__(self, key: bytes) -> None:
        self._mac = hmac.new(key, digestmod="sha256")

    def of(self, name: str, value: Any) -> str | None:
        """The fingerprint of a global; None for what is neither JSON, as Python has it, nor text or bytes.

        Texts and bytes that pydantic keeps secret count as what they hold. The name is part of it, so that two names
        don't show that they have one value. Nothing of the value is in any error, as none is raised.
        """
        with suppress(Exception):  # a dict of the caller's may raise anything when it is looked at
            content = _content(value)
            if content is not None:
                mac = self._mac.copy()
                mac.update(json.dumps(name).encode("ascii") + content)
                return mac.hexdigest()[:FINGERPRINT_DIGITS]
        return None


def _content(value: Any) -> bytes | None:
    """The value in its one way to be written, behind what it is. Raises for JSON that can't be written."""
    kind = type(value)
    if kind not in _PLAIN and isinstance(value, SecretStr | SecretBytes | Secret):
        value = value.get_secret_value()
        kind = type(value)
    if kind is str:
        return b"\0text\0" + str(value).encode("utf-8", "surrogatepass")
    if kind in (bytes, bytearray):
        return b"\0bytes\0" + bytes(value)
    return b"\0json\0" + canonical_json(value).encode() if kind in _PLAIN else None
