"""Puts ``***`` in place of what came from globals."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from threading import RLock
from typing import Any

from .finder import Finder
from .forms import forms
from .secrets import Leaf, leaves

MASK = "***"
"""What is recorded in place of a value from ``globals``."""

MAX_ENCODED_LEAVES = 10_000
"""Texts and numbers that are looked for in hex and base64 as well; more of them only as they are."""

MAX_WEIGHT = 16 * 2**20
"""Characters of all secrets together, and a hundred for each. One that goes beyond it isn't masked. The same holds for
the answers of callables between two texts, where each that is no text or number weighs ten thousand more.
"""

MAX_ANSWER = 1000
"""Values in one answer of a callable that are secrets."""


class Masker:
    """Replaces every text and number in ``globals``, however deep, wherever it shows up in an error, traceback or log.

    Texts of four characters and more are replaced anywhere, numbers of as many as whole words; also within escapes, in
    hex and in base64. What is shorter, true and false are replaced where they stand alone as a value. Nothing is
    collected before there is a text to mask. May be shared between threads, as an executor may log in several.
    """

    __slots__ = ("_answers", "_finder", "_known", "_lock", "_made", "_new", "_public", "_weight")

    def __init__(self, globals: Mapping[str, Any] | None, public: Collection[Any] = ()) -> None:
        """``globals``: those that are secrets, by name. ``public``: values of others. What expressions made of both is
        a secret, but for what is simply one of these.
        """
        self._new: deque[Any] = deque([list(globals.values())]) if globals else deque()
        self._made: deque[Any] = deque()
        """What was made of globals, not yet taken in; ``_new`` are globals themselves and answers of callables."""
        self._public = public
        self._known: set[tuple[type, Leaf]] = set()
        self._weight = 0
        self._answers = 0
        """Weight of the answers that are not yet taken in."""
        self._finder: Finder | None = None
        self._lock = RLock()
        """Held while new secrets are taken in: what is in them may be a caller's own container, which may log."""

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything to mask. Says so also of values that turn out to be no secrets."""
        return bool(self._new or self._made) or self._finder is not None

    def add_secret(self, value: Any, masked: Any) -> None:
        """Also mask what was made of globals: the parts of ``value`` that ``masked`` hides."""
        if masked is value:
            return
        if masked == MASK:
            self._made.append(value)
        elif isinstance(value, dict):
            for key, item in value.items():
                self.add_secret(item, masked[key])
        elif isinstance(value, list):
            for item, hidden in zip(value, masked, strict=True):
                self.add_secret(item, hidden)

    def add_answer(self, answer: Any) -> None:
        """Also mask an answer of a callable in globals. Called in any thread; keeps no reference to the answer."""
        if self._answers < MAX_WEIGHT:
            found = list(leaves([answer], MAX_ANSWER))
            self._answers += sum(map(_weight, found)) + (0 if isinstance(answer, str | bytes | int | float) else 10_000)
            self._new.append(found)

    def text(self, text: str, most: int | None = None) -> str:
        """The text with ``***`` in place of each secret; of a long text, the first ``most`` characters."""
        if self.has_secrets:
            with self._lock:  # also where none is new: another thread may just be taking it in
                self._take_in()
        if self._finder is None or not text:
            return text[:most]
        parts: list[str] = []
        done = 0
        end = len(text) if most is None else min(most, len(text))
        for begin, after in self._finder.spans(text):
            if begin >= end:
                break
            parts += text[done:begin], MASK
            done = after
        parts.append(text[done:end])
        return "".join(parts)

    def value(self, value: Any) -> Any:
        """The JSON value with the same done to its texts and keys, and with ``***`` for a number that is a secret."""
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self.text(repr(value)) == MASK else value
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        """Keys that differ still differ when masked."""
        masked: dict[str, Any] = {}
        for number, (key, item) in enumerate(value.items(), 1):
            hidden = self.text(key)
            masked[f"{hidden} ({number})" if hidden in masked else hidden] = self.value(item)
        return masked

    def _take_in(self) -> None:
        if self._finder is None:
            self._finder = Finder()  # first, so that no other thread finds neither what is new nor this
        while self._new:
            self._add(self._finder, leaves([self._new.popleft()]))
        if self._made:
            public = set(map(_key, leaves(self._public)))
            while self._made:
                self._add(self._finder, (leaf for leaf in leaves([self._made.popleft()]) if _key(leaf) not in public))
        self._answers = 0

    def _add(self, finder: Finder, secrets: Iterable[Leaf]) -> None:
        for leaf in secrets:
            if _key(leaf) in self._known or self._weight + _weight(leaf) > MAX_WEIGHT:
                continue
            self._known.add(_key(leaf))
            self._weight += _weight(leaf)
            for form in forms(leaf, encoded=len(self._known) <= MAX_ENCODED_LEAVES):
                finder.add(form)


def _key(leaf: Leaf) -> tuple[type, Leaf]:
    return type(leaf), leaf  # as 1, 1.0 and True are equal


def _weight(leaf: Leaf) -> int:
    return 100 + (len(leaf) if isinstance(leaf, str | bytes) else 0)
