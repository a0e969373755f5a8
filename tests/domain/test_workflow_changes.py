"""What differs between two definitions, and two changes made into one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.workflow import ABSENT, merge
from flowledger.projections.comparison.text import unified_diff
from flowledger.projections.comparison.workflows import diff_of

IDS = ("a", "b", "c", "d")
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, 0.0, "", "x", "two\nlines", "two\nother lines\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", "l"]), inner, max_size=2),
    max_leaves=4,
)


TEXTS = st.sampled_from(["x", "two lines"])
CODES = st.sampled_from(["x", "x\ny", "x\nz\n"])
OF_EDGES: dict[Any, Any] = {
    "when": st.sampled_from(["true", "{{ 1 > 0 }}"]),
    "label": TEXTS,
    "enabled": st.booleans(),
    "metadata": st.just({"x": 1}),
}


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    nodes = [
        {"id": node, "type": draw(st.sampled_from("tu"))}
        | draw(st.fixed_dictionaries({}, optional={"data": VALUES, "code": CODES, "expressions": st.booleans()}))
        for node in ids
    ]
    ends = draw(
        st.lists(
            st.tuples(st.sampled_from(ids), st.sampled_from([None, "h"]), st.sampled_from(ids)),
            max_size=3,
            unique_by=lambda end: end[:2],
        )
    )
    edges = [
        {"source": source, "target": target}
        | ({} if handle is None else {"sourceHandle": handle})
        | ({"id": f"e{place}"} if draw(st.booleans()) else {})
        | draw(st.fixed_dictionaries({}, optional=OF_EDGES))
        for place, (source, handle, target) in enumerate(ends)
    ]
    first_with_condition = draw(st.lists(st.sampled_from(["1 > 0", "1 < 0", "true"]), max_size=2))
    edges = [
        *(
            {**edge, "id": f"if{place}", "when": when}
            for edge in edges[:1]
            for place, when in enumerate(first_with_condition)
        ),
        *edges,
    ]
    failing = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True))
    edges += [{"source": node, "target": ids[0], "on": "failure"} for node in failing]
    start = draw(st.sampled_from([None, *ids]))
    about = draw(
        st.fixed_dictionaries({}, optional={"name": TEXTS, "description": TEXTS, "metadata": st.just({"k": 1})})
    )
    return {"nodes": nodes, "edges": edges} | about | ({} if start is None else {"start": start})


def snapshot(definition: dict[str, Any], version: int = 1, **other: Any) -> fl.WorkflowSnapshot:
    parsed = fl.WorkflowDefinition.model_validate(definition)
    named: dict[str, Any] = {"code": {}, "message": None, "by": "ada", "taken_at": datetime(2025, 5, 4, tzinfo=UTC)}
    named |= {"snapshot_id": f"abcdef{version}", "is_latest": False, "digest": parsed.digest} | other
    return fl.WorkflowSnapshot(workflow_id="w", version=version, definition=parsed, **named)


@given(definitions(), definitions())
def test_a_diff_is_empty_exactly_where_the_digests_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    for after in (one, other):
        diff = diff_of(snapshot(one), snapshot(after, 2))
        assert bool(diff) == (diff.before.digest != diff.after.digest)
        assert ("nothing" in str(diff)) == (not diff)
        json.dumps(diff.to_data())


@given(definitions(), definitions())
def test_every_value_that_differs_is_named_with_what_it_was_and_is(one: dict[str, Any], other: dict[str, Any]) -> None:
    diff = diff_of(snapshot(one), snapshot(other, 2))
    before, after = ({node["id"]: node for node in side["nodes"]} for side in (one, other))
    assert {*diff.nodes.added} == after.keys() - before.keys()
    assert {*diff.nodes.removed} == before.keys() - after.keys()
    changed = {change.id for change in diff.nodes.changed}
    assert changed == {key for key in before.keys() & after.keys() if repr_of(before[key]) != repr_of(after[key])}
    assert all(change.changes for change in diff.nodes.changed)
    assert diff.summary.nodes.changed == tuple(change.id for change in diff.nodes.changed)


def merged(base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The definition, and what nobody has decided."""
    both = merge(base, theirs, mine)
    return both.definition, [each.name for each in both.undecided]


def repr_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(definitions(), definitions(), st.booleans())
def test_a_merge_where_one_side_changed_nothing_is_the_other_side(
    base: dict[str, Any], other: dict[str, Any], within: bool
) -> None:
    for theirs, mine in ((base, other), (other, base), (other, other)):
        definition, differences = merge(base, theirs, mine, within=within)
        assert not any(each.is_clash for each in differences)
        assert definition == other
        assert repr_of(definition) == repr_of(other)


@given(definitions(), definitions(), definitions())
def test_a_merge_takes_each_part_from_who_changed_it(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    definition, conflicts = merged(base, theirs, mine)
    of_base, of_theirs, of_mine, of_both = (
        {node["id"]: repr_of(node) for node in side["nodes"]} for side in (base, theirs, mine, definition)
    )
    for node in IDS:
        was, there, here = of_base.get(node), of_theirs.get(node), of_mine.get(node)
        if there != here and was not in (there, here):
            assert f"node '{node}'" in conflicts
        else:
            assert of_both.get(node) == (here if there == was else there)


@given(definitions(), definitions(), definitions())
def test_a_merge_within_nodes_takes_each_value_from_who_changed_it(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    both = merge(base, theirs, mine, within=True)
    undecided = {each.place.key[0] for each in both.undecided if each.place.kind == "node"}
    sides = [
        {node["id"]: {key: repr_of(value) for key, value in node.items()} for node in side["nodes"]}
        for side in (base, theirs, mine, both.definition)
    ]
    for node in set(IDS) - undecided:
        was, there, here, now = (side.get(node) for side in sides)
        if was is None or there is None or here is None:
            assert now == (here if there == was else there)
            continue
        assert now is not None
        for key in was.keys() | there.keys() | here.keys():
            if there.get(key) == was.get(key) or here.get(key) == was.get(key):
                assert now.get(key) == (here if there.get(key) == was.get(key) else there).get(key)


@given(definitions(), definitions(), definitions())
def test_what_merges_by_whole_parts_merges_alike_by_values(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    whole, within = merge(base, theirs, mine), merge(base, theirs, mine, within=True)
    clashing = {each.place.key for each in whole.undecided}
    assert {each.place.key for each in within.undecided} <= clashing
    if not clashing:
        assert repr_of(within.definition) == repr_of(whole.definition)


@given(definitions(), definitions(), definitions())
def test_both_sides_of_a_merge_clash_at_the_same_places(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    one, other = merge(base, theirs, mine, within=True), merge(base, mine, theirs, within=True)
    assert {(each.place.kind, each.name, each.place.path) for each in one.undecided} == {
        (each.place.kind, each.name, each.place.path) for each in other.undecided
    }


@given(definitions(), definitions(), definitions(), st.data())
def test_a_merge_in_which_every_clash_is_decided_has_what_was_decided(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any], data: st.DataObject
) -> None:
    decided = {
        each.place: data.draw(st.sampled_from(["theirs", "mine"]))
        for each in merge(base, theirs, mine, within=True).undecided
    }
    both = merge(base, theirs, mine, decided, within=True)
    assert not both.undecided
    assert {each.place for each in both.differences if each.is_clash} == decided.keys()
    again = merge(theirs, theirs, both.definition, within=True)
    assert repr_of(again.definition) == repr_of(both.definition)
    for each in both.differences:
        if each.place.kind == "node":
            wanted = each.mine if each.by == "mine" else each.theirs
            found: Any = {node["id"]: node for node in both.definition["nodes"]}
            for name in (*each.place.key, *each.place.path):
                found = found.get(name, ABSENT)
            assert found is ABSENT if wanted is ABSENT else repr_of(found) == repr_of(wanted)
    if "mine" not in decided.values():
        changed_by_me = [each for each in both.differences if each.by == "mine"]
        if not changed_by_me:
            assert repr_of(both.definition["nodes"]) == repr_of(theirs["nodes"])


def test_a_diff_reads_well() -> None:
    one = {
        "nodes": [
            {"id": "a", "type": "t", "data": {"x": [1, 2], "gone": 1}, "code": "def f():\n    return 1\n"},
            {"id": "b", "type": "t"},
        ],
        "edges": [{"source": "a", "target": "b"}],
    }
    other = {
        "nodes": [
            {"id": "a", "type": "u", "data": {"x": [1, 3, 4]}, "code": "def f():\n    return 2\n"},
            {"id": "c", "type": "t", "data": 7},
        ],
        "edges": [{"id": "e", "source": "a", "target": "c"}],
        "start": "a",
    }
    code = {"t": {"name": "app.t", "digest": "1", "source": "old\n"}, "u": {"name": "app.u", "digest": "2"}}
    newer = {"t": code["t"] | {"distribution": {"name": "app", "version": "2"}}, "u": code["u"]}
    diff = diff_of(snapshot(one, code=code), snapshot(other, 2, code=newer, name="New"))
    assert str(diff).splitlines() == [
        "workflow 'w': version 1 (abcdef1, ada) → version 2 (abcdef2, ada)",
        '~ name: added, "New"',
        '~ start: added, "a"',
        '+ node \'c\' {"id": "c", "type": "t", "data": 7}',
        '- node \'b\' {"id": "b", "type": "t"}',
        "~ node 'a'",
        '    type: "t" → "u"',
        "    data.x[1]: 2 → 3",
        "    data.x[2]: added, 4",
        "    data.gone: removed, 1",
        "    code:",
        "      @@ -1,3 +1,3 @@",
        "       def f():",
        "      -    return 1",
        "      +    return 2",
        "       ",
        '+ edge \'e\' {"id": "e", "source": "a", "target": "c"}',
        '- edge \'a → b\' {"source": "a", "target": "b"}',
        "~ job code of 't'",
        '    distribution: added, {"name": "app", "version": "2"}',
    ]
    data = diff.to_data()
    assert data["nodes"]["changed"][0]["changes"][-1]["diff"].startswith("@@ -1,3 +1,3 @@\n def f():\n-    return 1\n")
    assert data["nodes"]["added"] == {"c": {"id": "c", "type": "t", "data": 7}}
    assert data["start"] == {"path": "start", "kind": "added", "after": "a"}


def test_what_stands_in_another_order_differs() -> None:
    nodes = [{"id": "a", "type": "t"}, {"id": "b", "type": "t"}]
    diff = diff_of(snapshot({"nodes": nodes}), snapshot({"nodes": nodes[::-1]}, 2))
    assert diff
    assert diff.summary.order
    assert "another order" in str(diff)


def test_edges_that_shared_an_id_when_that_was_allowed_are_told_apart_by_their_ends() -> None:
    def twins(target: str) -> dict[str, Any]:
        nodes = [{"id": node, "type": "t"} for node in "abc"]
        edges = [{"id": "e", "source": "a", "target": "b"}, {"id": "e", "source": "b", "target": target}]
        return {"nodes": nodes, "edges": edges, "start": "a"}

    assert not diff_of(snapshot(twins("c")), snapshot(twins("c"), 2))
    diff = diff_of(snapshot(twins("c")), snapshot(twins("a"), 2))
    assert diff.summary.edges == fl.PartChanges(added=("e",), removed=("e",))


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), (0.0, -0.0), ([1], [True]), ({"k": 1}, {"k": 1.0}), (None, "")]
)
def test_what_only_python_takes_for_equal_differs(one: Any, other: Any) -> None:
    before, after = ({"nodes": [{"id": "a", "type": "t", "data": data}]} for data in (one, other))
    diff = diff_of(snapshot(before), snapshot(after, 2))
    assert diff.summary.nodes.changed == ("a",)
    assert diff.nodes.changed[0].changes
    assert merged(before, after, before) == (after | {"edges": []}, [])


def test_the_order_of_keys_is_no_difference() -> None:
    one = {"nodes": [{"id": "a", "type": "t", "data": {"k": 1, "l": 2}}]}
    other = {"nodes": [{"id": "a", "type": "t", "data": {"l": 2, "k": 1}}]}
    assert not diff_of(snapshot(one), snapshot(other, 2))


def test_code_that_is_new_or_gone_is_told_line_by_line() -> None:
    without, with_code = ({"nodes": [{"id": "a", "type": "t"} | more]} for more in ({}, {"code": "one\ntwo"}))
    (added,) = diff_of(snapshot(without), snapshot(with_code, 2)).nodes.changed[0].changes
    (removed,) = diff_of(snapshot(with_code), snapshot(without, 2)).nodes.changed[0].changes
    assert (added.kind, added.text) == ("added", "@@ -0,0 +1,2 @@\n+one\n+two")
    assert (removed.kind, removed.text) == ("removed", "@@ -1,2 +0,0 @@\n-one\n-two")


def test_very_long_texts_that_differ_all_over_are_compared_in_no_time() -> None:
    old = [f"line {number}" for number in range(30_000)]
    new = ["begin", *(f"{line}!" if number % 10 == 3 else line for number, line in enumerate(old)), "end"]
    before, after = "\n".join(["same", *old, "tail"]), "\n".join(["same", *new, "tail"])
    header, *lines = unified_diff(before, after).split("\n")
    assert header == "@@ -1,8 +1,9 @@"
    assert [line for line in lines[:8] if line[0] != " "] == ["+begin", "-line 3", "+line 3!"]
    told = [line for line in lines if line[:2] in ("-l", "+l")]
    assert told == [text for number in range(3, 30_000, 10) for text in (f"-line {number}", f"+line {number}!")]
    small = unified_diff(before, before.replace("line 20000", "line x"))
    assert [line for line in small.split("\n") if line[0] != " "] == [
        "@@ -19999,7 +19999,7 @@",
        "-line 20000",
        "+line x",
    ]


def ways(*conditions: str | None, labels: str = "") -> dict[str, Any]:
    """A definition with an edge from a to b for each condition, which are tried in this order."""
    edges = [
        {"source": "a", "target": "b"}
        | ({} if when is None else {"when": when})
        | ({"label": labels[place]} if place < len(labels) else {})
        for place, when in enumerate(conditions)
    ]
    return {"nodes": [{"id": node, "type": "t"} for node in "ab"], "edges": edges, "start": "a"}


@pytest.mark.parametrize(
    ("base", "theirs", "mine"),
    [
        (ways("x"), ways("y"), ways("z")),
        (ways("x", "y"), ways("y"), ways("x")),
        (ways("x", "y"), ways("z", "y"), ways("q", "y")),
        (ways("x", "y"), ways("y", "x"), ways("x", "y", None)),
        (ways("x"), ways("x", "y"), ways("x", "z")),
        (ways("x"), ways("y"), ways("x", labels="l")),
    ],
)
def test_conditions_that_both_changed_are_a_conflict_as_their_order_counts(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    assert merged(base, theirs, mine)[1]
    assert merged(base, mine, theirs)[1]


def test_conditions_on_other_ways_are_merged_and_keep_their_order() -> None:
    other = [{"source": "a", "target": "b", "sourceHandle": "h", "when": when} for when in ("p", "q")]
    base = ways("x", "y") | {"edges": [*ways("x", "y")["edges"], *other]}
    theirs = base | {"edges": [*ways("y", "x")["edges"], *other]}
    mine = base | {"edges": [*ways("x", "y")["edges"], *other[::-1]]}
    both, conflicts = merged(base, theirs, mine)
    assert conflicts == []
    assert [edge["when"] for edge in both["edges"]] == ["y", "x", "q", "p"]


def test_edges_between_the_same_nodes_are_named_by_when_they_are_taken() -> None:
    without = {"nodes": [{"id": node, "type": "t"} for node in "ab"], "start": "a"}
    with_edges = without | {
        "edges": [
            {"source": "a", "target": "b", "when": "payload > 1"},
            {"source": "a", "target": "b", "sourceHandle": "h", "enabled": False},
            {"source": "a", "target": "b", "on": "failure"},
            {"source": "a", "target": "b"},
        ]
    }
    added = diff_of(snapshot(without), snapshot(with_edges, 2)).summary.edges.added
    assert added == ("a [if payload > 1] → b", "a [h, off] → b", "a [on failure] → b", "a → b")


def test_what_a_definition_says_of_itself_is_compared_and_merged() -> None:
    nodes = {"nodes": [{"id": "a", "type": "t"}], "edges": []}
    base, named = nodes | {"name": "Old", "metadata": {"zoom": 1}}, nodes | {"name": "New", "metadata": {"zoom": 2}}
    diff = diff_of(snapshot(base), snapshot(named, 2))
    assert str(diff).splitlines()[1:] == ['~ name: "Old" → "New"', "~ metadata.zoom: 1 → 2"]
    assert str(diff.summary) == "other name, metadata of the definition"
    assert diff.to_data()["about"][0] == {"path": "name", "kind": "changed", "before": "Old", "after": "New"}
    described = base | {"description": "what for"}
    assert merged(base, named, described) == (named | {"description": "what for"}, [])
    assert merged(base, named, base | {"name": "Other"})[1] == ["the name"]
