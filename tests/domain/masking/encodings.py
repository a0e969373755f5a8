"""What becomes of a text on its way into an error, a log line or a URL."""

import base64
import html
import json
import re
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

Encode = Callable[[str], str]


def _base64(encode: Callable[[bytes], bytes], before: str, behind: str = "") -> Encode:
    """What the secret alone decides in the base64 of a longer text."""

    def encoded(secret: str) -> str:
        first, last = len(before.encode()), len((before + secret).encode())
        whole = encode((before + secret + behind).encode()).decode()
        return whole[(first * 8 + 5) // 6 : last * 8 // 6]

    return encoded


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


ENCODINGS: dict[str, Encode] = {
    "as it is": lambda secret: secret,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "casefolded": str.casefold,
    "percent-encoded": quote,
    "percent-encoded, slashes too": lambda secret: quote(secret, safe=""),
    "percent-encoded in small letters": lambda secret: _lower_escapes(quote(secret, safe="")),
    "percent-encoded, each character": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()),
    "percent-encoded as a form": quote_plus,
    "percent-encoded twice": lambda secret: quote(quote(secret)),
    "base64": _base64(base64.b64encode, ""),
    "base64, one byte before it": _base64(base64.b64encode, "x", "y"),
    "base64, two bytes before it": _base64(base64.b64encode, "x:", "yz"),
    "base64, a user before it": _base64(base64.b64encode, "user:"),
    "base64, a user of two letters before it": _base64(base64.b64encode, "me:"),
    "URL-safe base64": _base64(base64.urlsafe_b64encode, ""),
    "URL-safe base64, a user before it": _base64(base64.urlsafe_b64encode, "user:", "!"),
    "base64, quoted before, as in OAuth": lambda secret: _base64(base64.b64encode, "id:")(quote_plus(secret)),
    "base64, quoted but for slashes": lambda secret: _base64(base64.b64encode, "id:")(quote(secret)),
    "base64 of JSON": lambda secret: _base64(base64.b64encode, '{"k": "', '"}')(json.dumps(secret)[1:-1]),
    "base64 of JSON in Unicode": lambda secret: _base64(base64.urlsafe_b64encode, '{"k": "', '"}')(
        json.dumps(secret, ensure_ascii=False)[1:-1]
    ),
    "base64 in a URL": lambda secret: quote(_base64(base64.b64encode, "u:")(secret), safe=""),
    "hex": lambda secret: secret.encode().hex(),
    "hex in capitals": lambda secret: secret.encode().hex().upper(),
    "hex with colons": lambda secret: secret.encode().hex(":"),
    "hex with blanks": lambda secret: secret.encode().hex(" "),
    "HTML": html.escape,
    "HTML, quotes as they are": lambda secret: html.escape(secret, quote=False),
    "HTML, each character": lambda secret: "".join(f"&#{ord(char)};" for char in secret),
    "HTML, each character in hex": lambda secret: "".join(f"&#x{ord(char):X};" for char in secret),
    "repr": lambda secret: repr(secret)[1:-1],
    "repr of a repr": lambda secret: repr(repr(secret))[2:-2],
    "repr of its bytes": lambda secret: repr(secret.encode())[2:-1],
    "bytes, each escaped": lambda secret: "".join(f"\\x{byte:02x}" for byte in secret.encode()),
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON in Unicode": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret))[3:-3],
    "JSON in JSON in JSON": lambda secret: json.dumps(json.dumps(json.dumps(secret)))[7:-7],
    "SQL": lambda secret: secret.replace("'", "''"),
    "CSV": lambda secret: secret.replace('"', '""'),
    "a shell": lambda secret: shlex.quote(f" {secret}")[2:-1],
    "JSON in a URL": lambda secret: quote(json.dumps(secret)[1:-1]),
    "JSON in HTML": lambda secret: html.escape(json.dumps(secret)[1:-1]),
    "HTML in JSON": lambda secret: json.dumps(html.escape(secret))[1:-1],
}
