"""Definitions as files: what is written is read back byte for byte, and nothing else is touched."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.files.names import file_names
from flowledger.infrastructure.files.yaml_read import from_yaml
from flowledger.infrastructure.files.yaml_write import to_yaml

from ..effort import tries
from ..hostile.older_names import as_older_releases_did

CODE = "def run(step):\n    return 1\n"
DEFINITION: dict[str, Any] = {
    "nodes": [
        {"id": "fetch", "type": "do", "data": {"url": "https://x/{{ payload.id }}", "n": [1, 2.0]}, "code": CODE},
        {"id": "a/b", "type": "do", "code": ""},
        {"id": "plain", "type": "do", "metadata": {"x": 10}},
    ],
    "edges": [{"source": "fetch", "target": "a/b"}, {"id": "e", "source": "a/b", "target": "plain"}],
}

FOLDER_TEXT = """\
{
  "nodes": [
    {
      "id": "fetch",
      "type": "do",
      "data": {
        "url": "https://x/{{ payload.id }}",
        "n": [
          1,
          2.0
        ]
      },
      "code": {
        "file": "nodes/fetch.py"
      }
    },
"""

YAML_TEXT = """\
nodes:
  - id: fetch
    type: do
    data:
      url: "https://x/{{ payload.id }}"
      "n":
        - 1
        - 2.0
    code: |
      def run(step):
          return 1
  - id: a/b
    type: do
    code: ""
  - id: plain
    type: do
    metadata:
      x: 10
edges:
  - source: fetch
    target: a/b
  - id: e
    source: a/b
    target: plain
"""


def do(step: fl.StepContext) -> None:
    """Nothing."""


@pytest.fixture(scope="module")
def ledger() -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()
    executors.register("do")(do)
    with fl.open_ledger("memory:", executors) as ledger:
        yield ledger


@pytest.fixture
def saved(ledger: fl.Ledger) -> fl.WorkflowSnapshot:
    return ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")


def files_in(folder: Path) -> dict[str, bytes]:
    """All files but those in which a folder remembers its version."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(".flowledger/")}


def test_a_folder_holds_the_definition_and_the_code_of_each_node(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    assert ledger.workflows.export("w", tmp_path / "out") == saved
    written = files_in(tmp_path / "out")
    assert written.keys() == {"workflow.json", "nodes/fetch.py", "nodes/a%2Fb.py"}
    assert written["nodes/fetch.py"] == CODE.encode()
    assert written["nodes/a%2Fb.py"] == b""
    assert written["workflow.json"].decode().startswith(FOLDER_TEXT)
    assert written["workflow.json"].endswith(b"\n  ]\n}\n")


def test_a_file_holds_all_in_one(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    ledger.workflows.export("w", str(tmp_path / "w.json"))
    assert (tmp_path / "w.json").read_text() == json.dumps(DEFINITION, indent=2) + "\n"
    ledger.workflows.export("w", tmp_path / "w.yaml")
    assert (tmp_path / "w.yaml").read_text() == YAML_TEXT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.json", "w.yaml"]


@pytest.mark.parametrize("name", ["w.json", "w.yaml", "w.yml", "folder"])
@pytest.mark.parametrize("format", [None, "json", "yaml"])
def test_what_was_exported_is_saved_without_a_change(
    ledger: fl.Ledger, saved: Any, tmp_path: Path, name: str, format: Any
) -> None:
    path = tmp_path / name
    if path.suffix and format not in (None, "json" if path.suffix == ".json" else "yaml"):
        with pytest.raises(fl.InvalidRequest, match="name a folder instead"):
            ledger.workflows.export("w", path, format=format)
        return
    ledger.workflows.export("w", path, format=format)
    definition = fl.read_definition(path)
    assert definition == saved.definition
    assert definition.digest == saved.digest
    assert ledger.workflows.save(definition, workflow_id="w", by="bob") == saved
    before = files_in(tmp_path)
    ledger.workflows.export("w", path)
    assert files_in(tmp_path) == before


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tricky = st.text(st.sampled_from(list(" \t\n\r-:#'\"{}[],&*!|>%@`?~\\ab1\u2028\x85\ufeff\x00\x7f🦉")), max_size=12)
lines = st.lists(st.sampled_from(["", " a", "\tb", "c", "  d ", "# e", "- f", "g: h", " "]), max_size=5).map("\n".join)
words = st.sampled_from(["yes", "No", "on", "1e3", "0x1F", "0o7", "1_0", "2020-01-01", "12:30", "~", "null", "=", "<<"])
strings = texts | tricky | lines | words | st.text("k", min_size=1_000, max_size=1_100)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=8,
)
node_ids = (
    texts | tricky | st.sampled_from(["A", "a", "con", "CON", "..", ".", "a.b", "%41", "~", "é", "x" * 400])
).filter(bool)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(node_ids, min_size=1, max_size=5, unique=True))
    optional = {"data": values, "metadata": st.dictionaries(texts, values, max_size=2), "code": st.none() | strings}
    nodes = [
        {"id": id, "type": draw(texts.filter(bool))} | draw(st.fixed_dictionaries({}, optional=optional)) for id in ids
    ]
    for node in nodes:
        (node.get("metadata") or {}).pop("retry", None)
    about = {"name": strings, "description": strings, "metadata": optional["metadata"]}
    return {"nodes": nodes, "edges": [], "start": ids[0]} | draw(st.fixed_dictionaries({}, optional=about))


@settings(
    max_examples=tries(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(definition=definitions(), name=st.sampled_from(["w.json", "w.yaml", "json", "yaml"]))
def test_any_definition_comes_back_byte_for_byte(definition: dict[str, Any], name: str, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("export") / name
    with fl.open_ledger("memory:") as ledger:
        with as_older_releases_did():
            saved = ledger.workflows.save(definition, workflow_id="w", by="ada")
        format: Any = None if "." in name else name
        ledger.workflows.export("w", path, format=format)
        read = fl.read_definition(path)
        assert json.dumps(read.to_data()) == json.dumps(saved.definition.to_data())
        assert json.dumps(read.to_data(), sort_keys=True) == json.dumps(definition, sort_keys=True)
        assert ledger.workflows.save(read, workflow_id="w", by="bob") == saved
        before = files_in(path.parent)
        ledger.workflows.export("w", path)
        assert files_in(path.parent) == before


@settings(max_examples=tries(300), deadline=None)
@given(st.dictionaries(strings, values, min_size=1, max_size=4))
def test_any_json_is_read_back_from_yaml(value: dict[str, Any]) -> None:
    assert json.dumps(from_yaml(to_yaml(value), "x")) == json.dumps(value)


@given(st.lists(node_ids, unique=True, max_size=8))
def test_file_names_are_safe_different_and_reversible(ids: list[str]) -> None:
    names = file_names(ids)
    assert len({name.lower() for name in names.values()}) == len(ids)
    for id, name in names.items():
        assert name.isascii()
        assert len(name) <= 140
        assert not set(name) & set('/\\:*?"<>|. \0')
        assert name.lower() not in ("con", "nul", "com1")
        if "~" not in name:
            assert unquote(name) == id


def test_names_keep_upper_case_where_that_is_safe() -> None:
    assert file_names(["chargeCard", "fetch"]) == {"chargeCard": "chargeCard", "fetch": "fetch"}
    assert file_names(["A", "a"]) == {"A": "%41", "a": "a"}


def test_an_export_replaces_only_what_an_export_has_left(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ledger.workflows.export("w", out, with_executors=True)
    for name in ("README.md", "nodes/notes.txt", "executors/mine.py"):
        (out / name).write_text("mine")
    ledger.workflows.save({"nodes": [{"id": "fetch", "type": "do", "code": "new"}]}, workflow_id="v", by="ada")
    ledger.workflows.export("v", out)
    assert files_in(out).keys() == {
        "README.md",
        "nodes/notes.txt",
        "executors/mine.py",
        "workflow.json",
        "nodes/fetch.py",
    }
    assert (out / "nodes/fetch.py").read_text() == "new"
    ledger.workflows.export("v", out, format="yaml")
    assert {"workflow.yaml"} == {path.name for path in out.glob("workflow.*")}
    ledger.workflows.save({"nodes": [{"id": "fetch", "type": "do"}]}, workflow_id="v", by="ada")
    (out / "nodes/notes.txt").unlink()
    ledger.workflows.export("v", out)
    assert not (out / "nodes").exists()


def test_a_node_id_that_only_changes_its_case_keeps_its_code(ledger: fl.Ledger, tmp_path: Path) -> None:
    for id in ("Fetch", "fetch"):
        ledger.workflows.save({"nodes": [{"id": id, "type": "do", "code": id}]}, workflow_id="case", by="ada")
        ledger.workflows.export("case", tmp_path / "out")
        assert fl.read_definition(tmp_path / "out").nodes[0].code == id


def test_the_ending_that_somebody_gave_a_code_file_is_kept(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    ledger.workflows.export("w", tmp_path)
    (tmp_path / "nodes/fetch.py").rename(tmp_path / "nodes/fetch.js")
    main = tmp_path / "workflow.json"
    main.write_text(main.read_text().replace("nodes/fetch.py", "nodes/fetch.js"))
    before = files_in(tmp_path)
    assert fl.read_definition(tmp_path) == saved.definition
    ledger.workflows.export("w", tmp_path)
    assert files_in(tmp_path) == before


def test_executors_are_written_for_reading_only(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    ledger.workflows.export("w", tmp_path / "out", with_executors=True)
    text = (tmp_path / "out/executors/do.py").read_text()
    assert text.startswith("# For reading only: a save takes the code that is registered.\n# 'do': ")
    assert text.endswith('def do(step: fl.StepContext) -> None:\n    """Nothing."""\n')
    (tmp_path / "out/executors/do.py").write_text("changed")
    assert fl.read_definition(tmp_path / "out") == saved.definition
    with pytest.raises(fl.InvalidRequest, match="name a folder"):
        ledger.workflows.export("w", tmp_path / "w.json", with_executors=True)


@pytest.mark.parametrize(
    "content",
    [
        {"notes.txt": "x"},
        {"workflow.json": "{"},
        {"workflow.yaml": "a: [b"},
        {"workflow.json": "{}", "workflow.yaml": "{}"},
    ],
)
def test_a_folder_that_holds_something_else_is_left_alone_unless_forced(
    ledger: fl.Ledger, saved: Any, tmp_path: Path, content: dict[str, str]
) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    before = files_in(tmp_path)
    with pytest.raises(fl.InvalidRequest, match="neither empty nor an export"):
        ledger.workflows.export("w", tmp_path)
    assert files_in(tmp_path) == before
    ledger.workflows.export("w", tmp_path, force=True)
    assert json.loads((tmp_path / "workflow.json").read_text())["nodes"]
    assert before.keys() <= files_in(tmp_path).keys()


def test_a_file_that_is_no_export_is_not_overwritten(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(fl.InvalidRequest, match=r"notes.txt' is a file; name a folder"):
        ledger.workflows.export("w", tmp_path / "notes.txt")
    with pytest.raises(fl.InvalidRequest, match="neither 'json' nor 'yaml'"):
        ledger.workflows.export("w", tmp_path / "out", format="toml")  # type: ignore[arg-type]
    assert files_in(tmp_path) == {"notes.txt": b"mine"}


def test_a_link_of_ones_own_stays_a_link(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real/w.json")
    ledger.workflows.export("w", tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert fl.read_definition(tmp_path / "real/w.json") == saved.definition


def test_only_the_last_folder_of_a_path_is_made(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    for path in ("mistyped/folder", "mistyped/w.json"):
        with pytest.raises(fl.StorageUnavailable, match=r"there is no folder '.*mistyped'"):
            ledger.workflows.export("w", tmp_path / path)
    assert list(tmp_path.iterdir()) == []
    ledger.workflows.export("w", tmp_path / "folder")
    assert fl.read_definition(tmp_path / "folder") == saved.definition


@pytest.mark.parametrize("linked", ["workflow.json", "nodes", "nodes/fetch.py", "executors"])
def test_a_link_that_leads_out_of_an_exported_folder_is_refused_and_nothing_changes(
    ledger: fl.Ledger, saved: Any, tmp_path: Path, linked: str
) -> None:
    folder, home = tmp_path / "folder", tmp_path / "home"
    ledger.workflows.export("w", folder, with_executors=True)
    (folder / linked).rename(home)
    (folder / linked).symlink_to(home)
    ledger.workflows.save({"nodes": [{"id": "fetch", "type": "do", "code": "new"}]}, workflow_id="v", by="ada")
    before = files_in(tmp_path)
    with pytest.raises(fl.InvalidRequest, match=f"'{linked}.*' in .* leads out of the folder"):
        ledger.workflows.export("v", folder, with_executors=True)
    assert files_in(tmp_path) == before
    assert (folder / linked).is_symlink()


def test_a_link_inside_an_exported_folder_is_followed(ledger: fl.Ledger, saved: Any, tmp_path: Path) -> None:
    ledger.workflows.export("w", tmp_path)
    (tmp_path / "nodes").rename(tmp_path / "code")
    (tmp_path / "nodes").symlink_to("code")
    ledger.workflows.export("w", tmp_path)
    assert fl.read_definition(tmp_path) == saved.definition
    assert (tmp_path / "nodes").is_symlink()


UNREADABLE: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({}, "no workflow.json or workflow.yaml"),
    "two": ({"workflow.json": b"{}", "workflow.yml": b"{}"}, "workflow.json and workflow.yml"),
    "no JSON": ({"workflow.json": b"{"}, "is not JSON"),
    "no YAML": ({"workflow.yaml": b"a: [b"}, "is not YAML"),
    "YAML twice a key": ({"workflow.yaml": b"nodes: []\nnodes: []"}, 'duplicate key "nodes"'),
    "YAML twice a key inside": ({"workflow.yaml": b"nodes: [{id: a, id: b}]"}, 'duplicate key "id"'),
    "no UTF-8": ({"workflow.json": b"\xff"}, "not UTF-8"),
    "JSON twice a key": ({"workflow.json": b'{"nodes": [], "nodes": []}'}, "the key 'nodes' comes twice"),
    "JSON twice a key inside": ({"workflow.json": b'{"nodes": [{"id": 1, "id": 2}]}'}, "the key 'id' comes twice"),
    "deep JSON": ({"workflow.json": b"[" * 50_000}, "nested too deep"),
    "deep YAML": ({"workflow.yaml": b"[" * 5_000}, "nested too deep"),
    "a list": ({"workflow.json": b"[]"}, "definition"),
    "text": ({"workflow.yaml": b"hello"}, "definition"),
    "nodes are text": ({"workflow.json": b'{"nodes": "ab"}'}, "nodes"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_definition_is_refused(tmp_path: Path, kind: str) -> None:
    content, message = UNREADABLE[kind]
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(fl.InvalidRequest, match=message):
        fl.read_definition(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nodes/gone.py", "can't be read: No such file"),
        ("../secret", "outside the folder"),
        ("/etc/hostname", "outside the folder"),
        ("nodes/link.py", "outside the folder"),
        ("nodes", "can't be read: Is a directory"),
        ("binary", "not UTF-8"),
        ("a\x00b", "is no name of a file"),
    ],
)
def test_code_is_only_read_from_below_the_folder(tmp_path: Path, name: str, message: str) -> None:
    folder = tmp_path / "folder"
    (folder / "nodes").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (folder / "nodes/link.py").symlink_to(tmp_path / "secret")
    (folder / "binary").write_bytes(b"\xff")
    nodes = [{"id": "a", "type": "do", "code": {"file": name}}]
    (folder / "workflow.json").write_text(json.dumps({"nodes": nodes}))
    with pytest.raises(fl.InvalidDefinition, match=rf"nodes\[0\].code: .*{message}"):
        fl.read_definition(folder)


def test_yaml_as_people_write_it(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        "nodes:\n- {id: a, type: do, data: {country: NO, day: 2020-01-01, n: 1e3, hex: 0x10}}\n"
        "- id: b\n  type: do\n  code: |\n    x = 1\n  data: &d [1, two]\nedges:\n- {source: a, target: b}\n"
    )
    a, b = fl.read_definition(tmp_path / "w.yaml").nodes
    assert a.data == {"country": "NO", "day": "2020-01-01", "n": 1000.0, "hex": 16}
    assert (b.code, b.data) == ("x = 1\n", [1, "two"])


def test_without_the_yaml_library_the_error_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "w.yaml").write_text(YAML_TEXT)
    monkeypatch.setitem(__import__("sys").modules, "ruamel.yaml", None)
    with pytest.raises(fl.InvalidRequest, match=r"pip install 'flowledger\[yaml\]'"):
        fl.read_definition(tmp_path / "w.yaml")


@pytest.mark.parametrize("name", ["w.json", "w.yaml", "folder"])
def test_all_that_a_definition_may_have_comes_back_byte_for_byte(ledger: fl.Ledger, tmp_path: Path, name: str) -> None:
    whole: dict[str, Any] = {
        "name": "Orders",
        "description": "What comes in\nand goes out",
        "nodes": [{**node, "expressions": False, "metadata": {"x": 1.5}} for node in DEFINITION["nodes"]],
        "edges": [
            {"source": "fetch", "target": "a/b", "when": "{{ payload.on == 'y' }}", "label": "yes", "metadata": {}},
            {"source": "fetch", "target": "plain", "on": "failure", "when": "true", "enabled": False},
        ],
        "start": "fetch",
        "metadata": {"on": "off", "zoom": 2},
    }
    saved = ledger.workflows.save(whole, workflow_id="whole", by="ada")
    ledger.workflows.export("whole", tmp_path / name)
    assert fl.read_definition(tmp_path / name).to_data() == whole
    before = files_in(tmp_path)
    assert ledger.workflows.save(fl.read_definition(tmp_path / name), workflow_id="whole", by="bob") == saved
    ledger.workflows.export("whole", tmp_path / name)
    assert files_in(tmp_path) == before
