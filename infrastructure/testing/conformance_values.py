"""Which names and values every backend must keep, and which it must refuse."""

from typing import Any

import pytest

from ...domain.errors import InvalidRequest, InvalidValue
from ...domain.ports import EventStore, ExpectedVersion, NewEvent, Write
from .notes import NOTED, note, rows, texts, write

ANY = ExpectedVersion.ANY


class StoredValues:
    """Tests of the port ``EventStore`` with names and values of all kinds; a part of ``EventStoreConformance``."""

    @pytest.mark.parametrize(
        "stream",
        ["workflow:días 日本 🦊", "a" * 1024, "with 'quotes' and \"more\"", "%s %(x)b :y ?", "a\nb", "0"],
        ids=range(6),
    )
    def test_stream_names_are_text(self, store: EventStore, stream: str) -> None:
        write(store, stream, 0, 1)
        write(store, stream, 1, 2)
        assert texts(store, stream) == [1, 2]
        assert [event.stream for event in store.tail()] == [stream, stream]

    def test_streams_whose_names_are_alike_are_two(self, store: EventStore) -> None:
        names = ["a", "A", "á", "a\u0301", "a ", " a", "ａ", "ä", "ss", "ß", "%", "_"]
        for name in names:
            write(store, name, 0, name)
        assert {name: texts(store, name) for name in names} == {name: [name] for name in names}
        assert [event.stream for event in store.tail()] == names

    @pytest.mark.parametrize("stream", ["", "a" * 1025, "é" * 513, "a\0b", "\ud800"], ids=range(5))
    def test_a_name_that_no_backend_could_keep_is_refused(self, store: EventStore, stream: str) -> None:
        for attempt in (
            lambda: write(store, stream, 0, 1),
            lambda: write(store, stream, 3, 1),
            lambda: write(store, stream, ANY, 1),
            lambda: store.head(stream),
            lambda: list(rows(store, stream)),
        ):
            with pytest.raises(InvalidValue, match="stream"):
                attempt()

    def test_values_come_back_as_they_were(self, store: EventStore) -> None:
        values: list[Any] = [
            "日本 \u0000 🦊\u2028",
            {"": [None, True, -(2**63), 2**64 - 1, 1e308, 0.1]},
            [],
            {},
            None,
            "1",
        ]
        write(store, "a", 0, *values)
        assert texts(store, "a") == values

    def test_sixteen_megabyte_events_are_kept(self, store: EventStore) -> None:
        size, count = 16 * 2**20, 4
        for version in range(count):
            write(store, "a", version, f"{version}" * size)
        write(store, "a", count, "small")
        for row in rows(store, "a", upto=count):
            assert row.data["text"] == f"{row.version - 1}" * size
        assert [len(event.data["text"]) for event in store.read("a", backwards=True, after=count - 1)] == [5, size]
        assert [len(event.data["text"]) for event in store.tail()] == [size] * count + [5]

    def test_large_events_are_appended_together(self, store: EventStore) -> None:
        large = ["x" * (6 * 2**20)] * 4
        positions = write(store, "a", 0, "small", *large, "small")
        assert positions == sorted(set(positions))
        assert texts(store, "a") == ["small", *large, "small"]

    @pytest.mark.parametrize(
        ("event", "error"),
        [
            (NewEvent("test.unheard_of", {"recorded_at": 1, "by": "ada"}), InvalidRequest),
            (NewEvent(NOTED, {"recorded_at": 1, "by": "ada"}), InvalidValue),
            (NewEvent(NOTED, {"recorded_at": "1", "by": "ada", "text": 1}), InvalidValue),
            (NewEvent(NOTED, {"recorded_at": 1, "by": "ada", "text": 1, "more": 2}), InvalidValue),
            (note({1, 2}), InvalidValue),
            (note("\ud800"), InvalidValue),
            (note(2**70), InvalidValue),
        ],
    )
    def test_an_event_that_can_not_be_stored_is_refused(
        self, store: EventStore, event: NewEvent, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            store.append(Write("a", 0, [note("sound"), event]))
        assert store.head("a") == 0
