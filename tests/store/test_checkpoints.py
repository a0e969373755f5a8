"""The checkpoints' table: a cache that comes and goes."""

from concurrent.futures import ThreadPoolExecutor

from .events import opened, write


def test_the_newest_checkpoint_at_or_before_a_version_is_found(store_url: str) -> None:
    with opened(store_url) as store:
        checkpoints = store.checkpoints
        assert checkpoints.latest("a", None, 1) is None
        for version in (10, 30, 20):
            checkpoints.save("a", version, 1, f"{version}".encode())
        checkpoints.save("b", 99, 1, b"of another stream")
        assert checkpoints.latest("a", None, 1) == (30, b"30")
        assert checkpoints.latest("a", 30, 1) == (30, b"30")
        assert checkpoints.latest("a", 29, 1) == (20, b"20")
        assert checkpoints.latest("a", 9, 1) is None


def test_a_checkpoint_of_another_fold_is_passed_over(store_url: str) -> None:
    with opened(store_url) as store:
        store.checkpoints.save("a", 10, 1, b"old")
        store.checkpoints.save("a", 5, 2, b"new")
        assert store.checkpoints.latest("a", None, 2) == (5, b"new")
        assert store.checkpoints.latest("a", None, 1) == (10, b"old")
        assert store.checkpoints.latest("a", None, 3) is None


def test_a_checkpoint_replaces_the_one_of_the_same_version(store_url: str) -> None:
    with opened(store_url) as store:
        store.checkpoints.save("a", 10, 1, b"old")
        store.checkpoints.save("a", 10, 2, bytes(range(256)) * 1_000)
        assert store.checkpoints.latest("a", None, 1) is None
        assert store.checkpoints.latest("a", None, 2) == (10, bytes(range(256)) * 1_000)


def test_clearing_forgets_checkpoints_and_no_event(store_url: str) -> None:
    with opened(store_url) as store:
        write(store, "a", 0, 1)
        store.checkpoints.save("a", 1, 1, b"x")
        store.checkpoints.clear()
        assert store.checkpoints.latest("a", None, 1) is None
        assert store.head("a") == 1


def test_checkpoints_outlive_the_store_that_saved_them(durable_url: str) -> None:
    with opened(durable_url) as store:
        store.checkpoints.save("a", 1, 1, b"x")
    with opened(durable_url) as store:
        assert store.checkpoints.latest("a", None, 1) == (1, b"x")


def test_many_threads_may_save_at_once(store_url: str) -> None:
    with opened(store_url) as store, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.checkpoints.save("a", number % 10, 1, b"x"), range(80)))
        assert store.checkpoints.latest("a", None, 1) == (9, b"x")
