"""Two sources are the same code when their syntax trees are equal; what can't be parsed is compared as text."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.workflow.same_code import MAX_BRACKETS, MAX_SOURCE_LENGTH, same_code

from ..limited import run_limited

CODE = '''@register("charge", effects=True)
def charge(step, rate: float = 1.5):
    """Charges."""
    amount = {"amount": step.payload * rate}
    return amount if amount else None
'''

SAME = {
    "a comment": CODE.replace("    return", "    # the amount  # noqa\n    return"),
    "a comment before it": f"# charges\n\n{CODE}",
    "line breaks": CODE.replace("{", "{\n\n        ").replace("}", ",\n    }"),
    "indentation": "\n".join(" " * (len(line) - len(line.lstrip())) + line for line in CODE.split("\n")),
    "a method": "\n".join(f"    {line}" if line else line for line in CODE.split("\n")),
    "parentheses": CODE.replace("amount if amount else None", "(amount) if (amount) else (None)"),
    "quotes": CODE.replace('"amount"', "'amount'"),
    "one number written otherwise": CODE.replace("1.5", "15e-1"),
    "blanks at the end": CODE.replace("\n", "  \n"),
    "line ends": CODE.replace("\n", "\r\n"),
}
OTHER = {
    "another operator": CODE.replace("*", "+"),
    "another name": CODE.replace("charge(", "charges("),
    "another variable": CODE.replace("amount", "total"),
    "another default": CODE.replace("1.5", "1.6"),
    "another type of number": CODE.replace("1.5", "1"),
    "another decorator": CODE.replace("effects=True", "effects=False"),
    "no decorator": CODE.split("\n", 1)[1],
    "another docstring": CODE.replace("Charges.", "Books."),
    "another annotation": CODE.replace("float", "int"),
    "async": CODE.replace("def ", "async def "),
    "one statement more": CODE.replace("    return", "    pass\n    return"),
    "no Python": CODE + ")",
    "nothing": "",
}


@pytest.mark.parametrize("name", SAME)
def test_what_a_program_cannot_see_makes_no_other_code(name: str) -> None:
    assert SAME[name] != CODE
    assert same_code(CODE, SAME[name])
    assert same_code(SAME[name], CODE)


@pytest.mark.parametrize("name", OTHER)
def test_what_it_can_see_does(name: str) -> None:
    assert not same_code(CODE, OTHER[name])
    assert not same_code(OTHER[name], CODE)


def test_what_a_partial_binds_counts_although_it_is_written_as_a_comment() -> None:
    bound = "f(lambda step: step)\n# bound: (1,) {}\n"
    assert same_code(bound, bound.replace("lambda step: step", "(lambda step:step)"))
    assert not same_code(bound, bound.replace("1", "2"))
    assert not same_code(bound, "f(lambda step: step)\n")


def test_an_unknown_source_is_the_same_as_none() -> None:
    assert not same_code(None, CODE)
    assert not same_code(CODE, None)
    assert not same_code(None, None)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_the_same_as_itself_and_the_order_makes_no_difference(one: str, other: str) -> None:
    assert same_code(one, one)
    assert same_code(one, other) == same_code(other, one)


MANY = 60_000
HOSTILE = {
    "brackets": "(" * MANY + "1" + ")" * MANY,
    "open brackets": "([{" * MANY,
    "signs": "-" * MANY + "1",
    "signs apart": "- " * MANY + "1",
    "not": "not " * MANY + "1",
    "lambda": "lambda:" * MANY + "1",
    "defaults": "lambda a=lambda b=" * MANY,
    "powers": "1**" * MANY + "1",
    "conditions": "1 if 1 else " * MANY + "1",
    "elif": "if 1:\n pass\n" + "elif 1:\n pass\n" * MANY,
    "sums": "1+" * (MANY // 2) + "1",
    "indices": "a" + "[0]" * (MANY // 2),
    "attributes": "a" + ".b" * (MANY // 2),
    "calls": "a" + "()" * (MANY // 2),
    "comparisons": "a<" * (MANY // 2) + "a",
    "tuples": "a," * (MANY // 2),
    "blocks": "".join(" " * depth + "if 1:\n" for depth in range(400)) + " " * 400 + "pass",
    "braces in braces": "f'{" * 40 + "1" + "}'" * 40,
    "digits": "x = " + "9" * MANY,
    "hexadecimal digits": "x = 0x" + "f" * MANY,
    "a null": "a\0b",
    "a lone surrogate": "x = '\ud800'",
    "an escape": "x = '\x1b[2J\\\x1b'",
    "too long": "#" * MAX_SOURCE_LENGTH + "#",
    "sums at the limit": "1+" * 999 + "1",
    "brackets at the limit": "(" * MAX_BRACKETS + "1" + ")" * MAX_BRACKETS,
    "pairs at the limit": "[x for x in (" * (MAX_BRACKETS // 2) + "1",
}

COMPARE = """
import json, pathlib, sys, threading, warnings
warnings.simplefilter("ignore")
from flowledger.domain.workflow.same_code import same_code
threading.stack_size(256 * 1024)
def compare(source):
    same_code(source, source + "\\n")
    assert not same_code(source, source + "x")
for name, source in json.loads(pathlib.Path(sys.argv[1]).read_text()).items():
    print(name, flush=True)
    thread = threading.Thread(target=compare, args=(source,))
    thread.start()
    thread.join()
"""


def test_hostile_sources_cost_little_in_a_thread_with_a_small_stack(tmp_path: Path) -> None:
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(HOSTILE))
    done = run_limited(COMPARE, str(path), seconds=30)
    last = done.stdout.split("\n")[-2:]
    assert (done.returncode, done.stderr) == (0, ""), last
    assert done.stdout.split("\n")[:-1] == list(HOSTILE)


def test_what_is_not_parsed_is_still_the_same_as_an_equal_text() -> None:
    found: list[bool] = []

    def compare() -> None:
        found.extend(same_code(source, source) for source in HOSTILE.values())

    thread = threading.Thread(target=compare)
    thread.start()
    thread.join()
    assert found == [True] * len(HOSTILE)
