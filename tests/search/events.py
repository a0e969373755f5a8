"""Runs as events, put straight into a store; and the plainest reading of what a search must answer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from unicodedata import category, normalize

from hypothesis import strategies as st

from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.queries.index.reader import Index
from flowledger.infrastructure.queries.search.indexer import SearchIndex
from flowledger.infrastructure.queries.search.runs import SearchedRuns
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.projections.steps.rows import FailureRow, StepRow

NOW = 1_700_000_000_000_000

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
words = st.one_of(
    texts, st.sampled_from(["acme", "Straße", "INV-2041", "a/b'c\"d", "🙂 ok", "paid", "ﬁn", "x" * 130, ""])
)
fractions = st.sampled_from([0.5, 1.0, -2.5, 1e-7, 1e16, 1e300, 0.1, 9.999999999999998])
scripts = st.text(
    st.sampled_from(
        "aAiIıİeé_5٣๓ßςσΣſﬁＡ-. \u0301\u0307\u200d\u00ad\ufe0f\0هَرहिन्दीবাং東京都アーｱﾞ々한국취กำเ็ລາខ្រမြབོད་𠀀"
    ),
    max_size=9,
)
"""Few letters of many scripts, so that they meet."""
numbers = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**64 - 1), fractions)
scalars = st.one_of(st.none(), st.booleans(), numbers, words, st.just("y" * 1_001))
keys = st.one_of(st.sampled_from(["a", "b", "a b", 'q"t', "c.d", "0", "", "\0"]), texts)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def started(payload: Any = None, *, by: str = "ada", metadata: Mapping[str, Any] | None = None) -> NewEvent:
    body = {
        "recorded_at": NOW,
        "by": by,
        "correlation_id": "order",
        "workflow_id": "w",
        "workflow_version": 1,
        "definition_digest": "",
        "start_node_id": "a",
        "payload": payload,
        "after": {"status": "active", "spent": 0, "last_started_at": NOW, "node_id": "a"},
    }
    return NewEvent("run.started", body | ({"metadata": dict(metadata)} if metadata else {}))


def completed(node_id: str, output: Any, *messages: str) -> NewEvent:
    logs = [{"at": NOW, "level": "INFO", "message": message} for message in messages]
    return NewEvent(
        "run.step_completed",
        {
            "recorded_at": NOW,
            "by": "ada",
            "node_id": node_id,
            "spent": 1,
            "started_at": NOW,
            "next_node_id": "b",
            "output": output,
            "logs": logs,
        },
    )


def failed(node_id: str, type: str, message: str) -> NewEvent:
    return NewEvent(
        "run.step_failed",
        {
            "recorded_at": NOW,
            "by": "ada",
            "node_id": node_id,
            "spent": 1,
            "started_at": NOW,
            "error": {"type": type, "message": message},
            "after": {"status": "failed", "spent": 1, "last_started_at": NOW, "node_id": node_id},
        },
    )


def metadata_set(**metadata: Any) -> NewEvent:
    return NewEvent("run.metadata_set", {"recorded_at": NOW, "by": "bob", "metadata": metadata})


steps = st.one_of(
    st.builds(completed, st.sampled_from(["a", "n/1", "é"]), values, words),
    st.builds(failed, st.sampled_from(["a", "b"]), st.just("ValueError"), words),
    st.builds(lambda key, value: metadata_set(**{key: value}), keys, values),
)
histories = st.lists(steps, max_size=6)


def append(store: LedgerEventStore, run_id: str, events: Iterable[NewEvent]) -> None:
    store.append(Write(run_id, store.head(run_id), list(events)))


def index_of(store: LedgerEventStore) -> SearchIndex:
    return SearchIndex(store, store.search, lambda: NOW + 5_000_000)


def searched(store: LedgerEventStore) -> SearchedRuns:
    """The runs of the index as a search sees them."""
    return SearchedRuns(store, store.search, Index(store.recorder), index_of(store))


def rows(store: LedgerEventStore) -> list[Any]:
    """The whole table, as it lies there."""
    columns = "position, run_id, started_at, CAST(words AS text), CAST(document AS text)"
    return store.recorder.query(f"SELECT {columns} FROM flowledger_search ORDER BY position", {})


def everything(store: LedgerEventStore) -> list[Any]:
    """That, and the rows of steps and failures, which go with it."""
    tables = (
        ("flowledger_steps", StepRow._fields),
        ("flowledger_failures", FailureRow._fields),
    )
    return rows(store) + [
        row
        for table, columns in tables
        for row in store.recorder.query(f"SELECT {', '.join(columns)} FROM {table} ORDER BY position", {})
    ]


def is_found(text: str, said: Iterable[str]) -> bool:
    """Whether each word of a text stands in one that was said: at its beginning, where blanks stand between words."""
    known = [word for one in said for word in words_in(one)]
    return all(
        any(word in other if is_unspaced(word) else other.startswith(word) for other in known)
        for word in words_in(text)
    )


def words_in(text: str) -> list[str]:
    """The words of a text, character by character: the plainest way to tell."""
    seen = "".join(sign for sign in text if not is_unseen(sign))
    small = normalize("NFKD", seen).casefold().replace("i\u0307", "i").replace("\u0131", "i")
    found, last = [""], ""
    for sign in normalize("NFKC", small):
        is_letter = category(sign)[0] in "LN" or sign == "_"
        if category(sign)[0] == "M":
            found[-1] += sign if found[-1] else ""
        elif sign == TSHEG:
            found.append(found.pop() + sign if is_unspaced(found[-1]) else "")
        elif is_letter and last and is_unspaced(sign) == is_unspaced(last):
            found[-1] += sign
        else:
            found.append(sign if is_letter else "")
        last = found[-1]
    return [word.rstrip(TSHEG) if is_unspaced(word) else word[:100] for word in found if word]


def is_unspaced(word: str) -> bool:
    return UNSPACED.match(word) is not None and category(word[0]) in ("Lo", "Lm", "Ll", "Nl")


def is_unseen(sign: str) -> bool:
    return category(sign) == "Cf" or sign in UNSEEN


TSHEG = "\N{TIBETAN MARK INTERSYLLABIC TSHEG}"

UNSPACED = re.compile(
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad\u1b00-\u1b7f\u3005-\u9fff\ua000-\ua4cf\ua960-\ua9ff"
    "\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff\U00011700-\U0001174f\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
"""The blocks of the scripts without blanks."""

UNSEEN = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0", "\u180f"} | {
    chr(number)
    for first, last in ((0x180B, 0x180D), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for number in range(first, last + 1)
}
