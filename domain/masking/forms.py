"""How a secret may look in a text, escapes and capitals aside: as it is, line by line, in hex, in base64."""

import base64
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal, NamedTuple
from urllib.parse import quote, quote_plus

from .decoding import decode_all, fold
from .secrets import Leaf

ALWAYS_MASKED = 4
"""Characters from which a text is masked anywhere. A shorter one would hit half of all words."""

MAX_ENCODED = 64 * 1024
"""Characters or bytes up to which a secret is looked for in other forms than as it is and line by line."""

_MIN_RUN = 8
"""Characters of text between bytes that are none, from which they are a secret by themselves."""

_PIECE = 4096
"""Characters of the pieces in which a longer form is looked for, so that comparing takes no longer than that."""

LONGEST_FORM = 64 * 1024
"""Characters in which a piece is surely found, with all its escapes."""

_URL_SAFE = bytes.maketrans(b"+/", b"-_")

_NEEDS_ESCAPES = re.compile(r"[^\w.~-]", re.ASCII)
"""Whether a URL or JSON writes the text in another way."""

_NO_UTF8 = re.compile("[\udc80-\udcff]+")
"""Bytes that are no text, as they are decoded."""


class Form(NamedTuple):
    """One text to look for."""

    text: str
    kind: Literal["value", "word", "text", "encoded"]
    """A value is masked where it stands alone, between quotes or behind an equals sign; a word where it is one; both
    exactly so. The others are masked anywhere, and are folded.
    """


def forms(leaf: Leaf, *, encoded: bool = True) -> Iterator[Form]:
    """All forms of a secret; ``encoded``: also those in hex and base64."""
    if isinstance(leaf, bool):
        yield from (Form(text, "value") for text in (str(leaf), str(leaf).lower()))
        return
    if isinstance(leaf, str):
        yield from _of_text(leaf)
    elif isinstance(leaf, bytes):
        runs = _NO_UTF8.split(leaf[:MAX_ENCODED].decode(errors="surrogateescape"))
        for text in {leaf.decode("latin-1"), *(run for run in runs if len(runs) == 1 or len(run) >= _MIN_RUN)}:
            yield from _of_text(text)
    else:
        yield Form(repr(leaf), "value" if len(repr(leaf)) < ALWAYS_MASKED else "word")
        if isinstance(leaf, int) and abs(leaf) >= 1000:
            yield Form(f"{leaf:,}", "word")
    if encoded:
        for data in _as_bytes(leaf):
            if len(data) <= MAX_ENCODED:
                yield from _of_bytes(data)
        if isinstance(leaf, str):
            for data in set(_escaped(leaf.strip())):
                yield from _in_base64(data)


def _of_text(text: str) -> Iterator[Form]:
    parts = {text.strip()} | {line for line in map(str.strip, text.splitlines()) if len(line) >= ALWAYS_MASKED}
    if text.strip() and all(len(part) < ALWAYS_MASKED for part in parts):
        parts.add(text)  # long enough only with the blanks around it
    for part in parts:
        if len(part) > MAX_ENCODED:
            yield from _pieces(fold(part))
            continue
        for form in {part, decode_all(part), *_with_quotes(part)}:
            if len(form) < ALWAYS_MASKED:
                if form.strip():
                    yield Form(form, "value")
                continue
            yield from _pieces(fold(form))
            if not form.isascii():
                # Letters that fold to something else once they are capitals, and other ways to write an accent.
                for other in (form.upper(), *(unicodedata.normalize(way, form) for way in ("NFC", "NFD", "NFKC"))):
                    yield from _pieces(fold(other))


def _with_quotes(text: str) -> Iterator[str]:
    """As SQL, CSV and shells write quotes."""
    if '"' in text:
        yield text.replace('"', '""')
    if "'" in text:
        yield text.replace("'", "''")
        yield text.replace("'", "'\"'\"'")


def _pieces(form: str, kind: Literal["text", "encoded"] = "text") -> Iterator[Form]:
    for at in range(0, len(form) - _PIECE, _PIECE):
        yield Form(form[at : at + _PIECE], kind)
    yield Form(form[-_PIECE:], kind)


def _as_bytes(leaf: Leaf) -> set[bytes]:
    if isinstance(leaf, bytes):
        return {leaf, leaf.strip()}
    text = leaf.strip() if isinstance(leaf, str) else repr(leaf)
    found = {text.encode(errors="surrogatepass")}
    if not text.isascii() and all(char <= "\xff" for char in text):
        found.add(text.encode("latin-1"))
    return found


def _escaped(text: str) -> Iterator[bytes]:
    """What is in base64 where an identifier and a secret are quoted before they are joined, as in OAuth's Basic
    header, or a document with the secret in it is encoded as a whole.
    """
    if _NEEDS_ESCAPES.search(text) and ALWAYS_MASKED <= len(text) <= _PIECE:
        data = text.encode(errors="surrogatepass")
        yield quote(data, safe="").encode()
        yield quote(data).encode()
        yield quote_plus(data).encode()
        for ascii_only in (True, False):
            yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode(errors="surrogatepass")


def _of_bytes(data: bytes) -> Iterator[Form]:
    if len(data) < ALWAYS_MASKED:
        whole = {data.hex(), data.hex().upper(), base64.b64encode(data).decode()}
        yield from (Form(form, "value") for form in whole)
        return
    for separator in ("", ":", "-", " "):
        yield from _pieces(data.hex(separator) if separator else data.hex(), "encoded")
    yield from _in_base64(data)


def _in_base64(data: bytes) -> Iterator[Form]:
    for before in range(3):  # how many bytes of something else share the first group of three
        text = base64.b64encode(bytes(before) + data)
        # Only characters that the data alone decides: none that has bits of what stands before or behind it.
        text = text[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        for form in {text, text.translate(_URL_SAFE)}:
            if len(form) >= ALWAYS_MASKED:
                yield from _pieces(fold(form.decode()), "encoded")
