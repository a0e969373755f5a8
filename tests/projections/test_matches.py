"""Every text of an event that is searched has a place."""

from hypothesis import given
from hypothesis import strategies as st

from flowledger.projections.search.entry import text_of
from flowledger.projections.search.matches import excerpt, placed_texts
from flowledger.projections.search.words import all_words

from .values import values as json_values

TEXT = st.text(max_size=20)
BODIES = st.fixed_dictionaries(
    {"by": TEXT},
    optional={
        "correlation_id": TEXT,
        "workflow_id": TEXT,
        "node_id": TEXT,
        "reason": st.none() | TEXT,
        "error": st.fixed_dictionaries({"type": TEXT, "message": TEXT}),
        "logs": st.lists(st.fixed_dictionaries({"message": TEXT}), max_size=3),
        "payload": json_values,
        "output": json_values,
        "metadata": json_values,
        "adopted": st.fixed_dictionaries({"context": json_values, "metadata": json_values}),
        "edited": st.fixed_dictionaries({"node_id": TEXT, "output": json_values}),
    },
)


@given(st.sampled_from(["run.started", "run.step_completed", "run.paused"]), BODIES)
def test_the_words_of_the_places_are_those_of_the_search(type: str, data: dict[str, object]) -> None:
    placed = [word for _, text in placed_texts("the-run", type, data) for word in all_words(text)]
    assert sorted(placed) == sorted(all_words(text_of("the-run", type, data)))


@given(st.text("aB ßé…", max_size=400), st.text("ab", min_size=1, max_size=3))
def test_an_excerpt_is_a_part_of_its_text(text: str, word: str) -> None:
    shown = excerpt(text, word)
    assert shown == text or (len(shown) <= 122 and shown.removeprefix("…").removesuffix("…") in text)
