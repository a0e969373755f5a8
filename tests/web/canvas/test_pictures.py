"""A laid out graph becomes lines, names and marks; two texts become lines with signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.infrastructure.interfaces.web.rendering.code import LONGEST, json_lines, python_lines
from flowledger.infrastructure.interfaces.web.rendering.graph import EdgeLook, NodeLook, line, picture, tip
from flowledger.infrastructure.interfaces.web.rendering.text_diff import text_diff
from flowledger.projections.layout import CANVAS, SMALL, Graph, Link, Point, Style, lay_out

GRAPH = Graph(("a", "n" * 40), (Link("a", "n" * 40, "yes"),), "a")


def test_lines_have_round_corners_that_fit() -> None:
    assert line([Point(0, 0), Point(0, 40), Point(100, 40), Point(100, 80)]) == (
        "M0 0V34Q0 40 6 40H94Q100 40 100 46V80"
    )
    assert line([Point(0, 0), Point(0, 40), Point(4, 40), Point(4, 80)]) == "M0 0V38Q0 40 2 40H2Q4 40 4 42V80"


@pytest.mark.parametrize(
    ("before", "head"),
    [
        (Point(5, 0), "M5 9l-4-7h8z"),
        (Point(5, 20), "M5 9l-4 7h8z"),
        (Point(20, 9), "M5 9l7-4v8z"),
        (Point(0, 9), "M5 9l-7-4v8z"),
    ],
)
def test_an_arrow_points_where_its_line_goes(before: Point, head: str) -> None:
    assert tip([before, Point(5, 9)]) == head


@pytest.mark.parametrize(("style", "longest"), [(CANVAS, 20), (SMALL, 11)])
def test_a_name_that_does_not_fit_is_cut_and_whole_where_it_is_spoken(style: Style, longest: int) -> None:
    layout = lay_out(GRAPH, style)
    assert layout is not None
    looks = {name: NodeLook("ship", status="failed", selected=True) for name in GRAPH.nodes}
    drawn = picture(GRAPH, layout, looks, [EdgeLook("taken", 3)], said="it", style=style)
    node = drawn.nodes[1]
    assert (len(node.name), node.name[-1]) == (longest, "…")
    assert node.spoken == f"{'n' * 40}, ship: failed, selected"
    assert drawn.edges[0].text == "yes ×3"


@given(st.text(alphabet="abc \n<&", max_size=80), st.text(alphabet="abc \n<&", max_size=80))
def test_the_lines_of_a_difference_make_up_both_texts(before: str, after: str) -> None:
    """Without those that were left out, which are alike in both."""
    lines = text_diff(before, after).lines
    old = {each.old: plain(each.text) for each in lines if each.old}
    new = {each.new: plain(each.text) for each in lines if each.new}
    for texts, shown in ((before, old), (after, new)):
        whole = texts.rstrip("\n").split("\n")
        assert all(whole[number - 1] == text for number, text in shown.items())
    if before.rstrip("\n") != after.rstrip("\n"):
        assert any(each.kind in ("add", "del") for each in lines)


def plain(text: object) -> str:
    unmarked = str(text)
    for tag in ("<ins>", "</ins>", "<del>", "</del>"):
        unmarked = unmarked.replace(tag, "")
    return unmarked.replace("&lt;", "<").replace("&amp;", "&")


def test_code_is_told_apart_and_nobody_obeys_it() -> None:
    lines = python_lines('def ship(step):  # <b>\n    return "\x1b[2J</script>"\n')
    assert [str(each) for each in lines] == [
        '<span class="k">def</span> <span class="nf">ship</span>(step):  <span class="c1"># &lt;b&gt;</span>',
        '    <span class="k">return</span> <span class="s2">&#34;</span><span class="s">\\x1b</span>'
        '<span class="s2">[2J&lt;/script&gt;</span><span class="s2">&#34;</span>',
    ]
    assert str(json_lines({"a": 1})[1]) == '  &#34;a&#34;: <span class="mi">1</span>'


def test_very_long_code_is_shown_plain() -> None:
    lines = python_lines("x = '<'\n" * (LONGEST // 8 + 1))
    assert lines[0] == "x = &#39;&lt;&#39;"
