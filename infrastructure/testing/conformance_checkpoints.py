"""The conformance suite of checkpoint stores."""

from collections.abc import Callable
from functools import partial

import pytest

from ...domain.ports import CheckpointStore
from .racing import run_together

WRITERS = 4


class CheckpointStoreConformance:
    """Tests of the port ``CheckpointStore`` for pytest. A backend binds them with one fixture in a class of its own."""

    @pytest.fixture
    def checkpoints(self) -> CheckpointStore:
        """A store without checkpoints. Every backend says how it is made."""
        raise NotImplementedError

    @pytest.fixture
    def reopen_checkpoints(self) -> Callable[[], CheckpointStore] | None:
        """What opens the same store once more; None, as by default, where nobody else can."""
        return None

    def test_the_pages_up_to_a_version_are_found_in_order(self, checkpoints: CheckpointStore) -> None:
        assert kept(checkpoints) == {}
        checkpoints.save("a", 1, {30: b"30", 10: b"10"})
        checkpoints.save("a", 1, {20: b"20"})
        checkpoints.save("b", 1, {15: b"of another stream"})
        assert kept(checkpoints) == kept(checkpoints, 30) == {10: b"10", 20: b"20", 30: b"30"}
        assert kept(checkpoints, 29) == {10: b"10", 20: b"20"}
        assert kept(checkpoints, 9) == {}

    def test_a_page_of_another_fold_is_never_returned(self, checkpoints: CheckpointStore) -> None:
        checkpoints.save("a", 1, {10: b"old", 20: b"old"})
        checkpoints.save("a", 2, {5: b"new", 20: b"new"})
        assert kept(checkpoints, revision=1) == {10: b"old"}, "a page isn't replaced by one for the same version"
        assert kept(checkpoints, revision=2) == {5: b"new", 20: b"new"}
        assert kept(checkpoints, revision=3) == {}

    def test_content_comes_back_byte_for_byte_however_much_there_is(self, checkpoints: CheckpointStore) -> None:
        content = {version: bytes(range(256)) * version for version in range(1, 101)} | {101: b"", 102: b"x" * 2**22}
        checkpoints.save("a", 1, content)
        assert kept(checkpoints) == content

    def test_clearing_forgets_all(self, checkpoints: CheckpointStore) -> None:
        for stream in ("a", "b"):
            checkpoints.save(stream, 1, {1: b"x"})
        checkpoints.clear()
        assert [*checkpoints.pages("a", None, 1), *checkpoints.pages("b", None, 1)] == []

    def test_the_pages_of_one_save_are_seen_together_however_many_save(self, checkpoints: CheckpointStore) -> None:
        versions = range(1, 33)
        for number in range(10):
            calls = [
                partial(checkpoints.save, "a", 1, dict.fromkeys(versions, b"%d:%d" % (number, writer)))
                for writer in range(WRITERS)
            ]
            for outcome in run_together(calls):
                if isinstance(outcome, Exception):
                    raise AssertionError(f"one of {WRITERS} who saved at once met {outcome!r}") from outcome
            found = kept(checkpoints)
            assert list(found) == list(versions)
            assert len(set(found.values())) == 1, "pages of several saves are mixed: a save must be one commit"

    def test_pages_are_there_for_who_opens_the_store_next(
        self, checkpoints: CheckpointStore, reopen_checkpoints: Callable[[], CheckpointStore] | None
    ) -> None:
        if reopen_checkpoints is None:
            pytest.skip("nobody else can open these checkpoints")
        checkpoints.save("a", 1, {1: b"x"})
        assert kept(reopen_checkpoints()) == {1: b"x"}


def kept(checkpoints: CheckpointStore, upto: int | None = None, revision: int = 1) -> dict[int, bytes]:
    """Stream ``a``'s pages of a revision."""
    found = list(checkpoints.pages("a", upto, revision))
    assert [version for version, _ in found] == sorted({version for version, _ in found}), "pages are out of order"
    return {version: bytes(content) for version, content in found}
