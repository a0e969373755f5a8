"""What the foot of a page says of a store: never what is secret in its address."""

import pytest

from flowledger.infrastructure.interfaces.web.rendering.store_words import words_of


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory:", "A store in memory"),
        ("sqlite:////var/lib/orders.db", "Store orders on SQLite"),
        ("postgresql://ada:secret@db.example.org:5432/orders?sslmode=require", "Store orders on PostgreSQL"),
        ("postgresql:///", "A store on PostgreSQL"),
        ("papyrus://user:secret@host/x", "A store on papyrus"),
        (None, "A store of the application"),
    ],
)
def test_a_store_is_named_without_its_secrets(url: str | None, said: str) -> None:
    assert words_of(url) == said
