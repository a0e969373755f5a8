"""What all pages show alike: times, numbers, ids, icons, and texts that nobody obeys."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flowledger.domain.values.clock import OddTime
from flowledger.infrastructure.interfaces.web.rendering.clock import PageClock
from flowledger.infrastructure.interfaces.web.rendering.environment import TEMPLATES, environment
from flowledger.infrastructure.interfaces.web.rendering.frame import nav_entries, reader_theme, reader_zone
from flowledger.infrastructure.interfaces.web.rendering.icons import icon, sprite, used_icons
from flowledger.infrastructure.interfaces.web.rendering.static_files import STATIC, digest_of
from flowledger.infrastructure.interfaces.web.rendering.versions import ShownVersion
from flowledger.infrastructure.interfaces.web.rendering.words import count, duration, number, short_id

NOW = datetime(2026, 11, 25, 13, 20, 7, tzinfo=UTC)
BERLIN = PageClock(NOW, ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize("template", sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")))
def test_each_template_can_be_compiled(template: str) -> None:
    environment().get_template(template)


def test_what_is_shown_is_escaped_and_steers_nothing() -> None:
    template = environment().from_string('<p title="{{ told }}">{{ told }}</p>')
    assert template.render(told='<b>"&\x1b[2J\u202e\n') == (
        '<p title="&lt;b&gt;&#34;&amp;\\x1b[2J\\u202e\n">&lt;b&gt;&#34;&amp;\\x1b[2J\\u202e\n</p>'
    )


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (datetime(2026, 11, 25, 13, 20, 7, tzinfo=UTC), "14:20:07"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "00:30:00"),  # today, there
        (datetime(2026, 11, 23, 8, 41, tzinfo=UTC), "23 Nov 09:41"),
        (datetime(2025, 11, 23, 8, 41, tzinfo=UTC), "23 Nov 2025 09:41"),
    ],
)
def test_a_time_is_said_in_the_readers_zone_as_short_as_it_can_be(at: datetime, word: str) -> None:
    assert BERLIN.word(at) == word


def test_a_time_says_utc_when_pointed_at() -> None:
    assert BERLIN.time(datetime(2026, 11, 25, 13, 11, 33, 821_000, tzinfo=UTC)) == (
        '<time datetime="2026-11-25T13:11:33.821Z" title="2026-11-25 13:11:33.821 UTC">14:11:33</time>'
    )


def test_a_time_that_no_calendar_has_is_said_as_it_was_recorded() -> None:
    assert "9000000000000000000 µs since 1970" in BERLIN.time(OddTime(9_000_000_000_000_000_000))


def test_a_deadline_is_said_relative_to_the_moment_of_the_page() -> None:
    assert BERLIN.distance(NOW + timedelta(days=2, hours=23, minutes=12)) == "in 2 d 23 h"
    assert BERLIN.distance(NOW - timedelta(seconds=38)) == "38 s ago"


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 ms"),
        (42.4, "42 ms"),
        (999.6, "1.0 s"),
        (1_800, "1.8 s"),
        (9_960, "10 s"),
        (59_600, "1 min"),
        (61_000, "1 min 1 s"),
        (3_600_000, "1 h"),
        (13_200_000, "3 h 40 min"),
        (187_200_000, "2 d 4 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(milliseconds: float, words: str) -> None:
    assert duration(milliseconds) == words == duration(timedelta(milliseconds=milliseconds))


def test_numbers_have_commas_and_agree_with_what_they_count() -> None:
    assert (number(1284), count(1, "run"), count(1284, "run"), count(0, "reply", "replies")) == (
        "1,284",
        "1 run",
        "1,284 runs",
        "0 replies",
    )


def test_an_id_is_said_by_its_end_and_a_name_whole() -> None:
    assert short_id("01a20f61-2e8d-7a10-8e3c-51f2aad92b10") == "d92b10"
    assert short_id("order-approval-of-today") == "order-approval-of-today"


def test_a_page_brings_the_drawings_of_the_icons_that_it_uses() -> None:
    html = f"<p>{icon('retry')}{icon('down', small=True)}{icon('retry')}</p>"
    assert used_icons(html) == {"retry", "down"}
    assert sprite(used_icons(html)).count("<symbol ") == 2


def test_an_icon_that_there_is_not_is_a_mistake_of_the_template() -> None:
    with pytest.raises(KeyError, match="no icon 'smile'"):
        icon("smile")


def test_the_zone_is_the_readers_where_it_is_known_here() -> None:
    assert reader_zone({"flowledger_zone": "Europe%2FBerlin"})[1] == "Europe/Berlin"
    for unknown in ("", "Nowhere/Never", "../../etc/passwd", "\0", "a" * 5_000):
        assert reader_zone({"flowledger_zone": unknown}) == (UTC, "UTC")


def test_only_a_theme_that_there_is_can_be_chosen() -> None:
    assert [reader_theme({"flowledger_theme": word}) for word in ("dark", "light", '"><script>')] == [
        "dark",
        "light",
        None,
    ]


def test_the_bar_leads_to_pages_that_are_there_and_says_what_is_to_do() -> None:
    entries = nav_entries(frozenset({"history", "waits", "run"}), {"waits": (14, "open questions")})
    assert [(entry.name, entry.count) for entry in entries] == [("history", None), ("waits", 14)]


def test_the_address_of_a_file_changes_with_the_file() -> None:
    assert len({digest_of(path.name) for path in STATIC.glob("*.*")}) == len(list(STATIC.glob("*.*")))


def test_a_chip_says_what_its_version_is_in_the_words_of_the_product() -> None:
    old = ShownVersion("orders", 7, "k3q9wzd", datetime(2026, 11, 20, 15, 32, 8, tzinfo=UTC), is_latest=False)
    zone = ZoneInfo("Europe/Berlin")
    assert old.of_run(zone) == (
        "This run is based on a snapshot of this workflow that was taken on 2026-11-20 at 16:32:08"
    )
    assert old.of_canvas(zone) == (
        "You are viewing a snapshot of this workflow that was taken on 2026-11-20 at 16:32:08"
    )
