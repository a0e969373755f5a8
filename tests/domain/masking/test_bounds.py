"""What masking costs at worst, in a child with limits of memory and processor time."""

from collections.abc import Iterator

import pytest
from tests.limited import LimitedChild

MASKING = """
from flowledger.domain.masking import Masker
TOKEN = "s3cr3t-token"
def masks(globals, text=f"no {TOKEN} here"):
    assert TOKEN not in Masker({**globals, "token": TOKEN}).text(text)
def answer(program):
    exec(program, globals())
    return "masked"
"""

GLOBALS = {
    "ten thousand texts": '{f"k{n}": f"value&{n:x}" * 4 for n in range(10_000)}',
    "two million values": '{"many": [f"value-{n}" for n in range(2_000_000)]}',
    "a text of 1 MB": '{"big": "abc&%\\\\" * 170_000}',
    "a text of 1 MB with escapes only": '{"big": "%2525" * 200_000}',
    "a text of 1 MB, one letter": '{"big": "a" * 2**20}',
    "1 MB in lines": '{"big": "\\n".join(f"line {n}" for n in range(80_000))}',
    "1 MB in bytes": '{"big": bytes(range(256)) * 4096}',
    "1 MB of JSON": '{"big": str(list(range(150_000)))}',
    "JSON that is too deep": '{"big": "[" * 2_000_000}',
    "settings only": '{"big": "key=" * 4096}',
    "addresses only": '{"big": "://a:" * 3270 + "@"}',
    "a text that is no setting": '{"big": "pass" * 250_000}',
    "an iterator without end": '{"endless": __import__("itertools").count()}',
    "a range without end": '{"endless": range(10**15)}',
    "objects in objects": '{"deep": __import__("functools").reduce(lambda one, _: [one], range(100_000), 1)}',
}
TEXTS = {
    "backslashes": '"\\\\" * n',
    "escaped per cent signs": '"%25" * (n // 3)',
    "escapes of escapes": '"%" + "25" * (n // 2)',
    "all kinds of escapes": '"%5c&amp;\\\\u0025" * (n // 16)',
    "what is left out": '"abc..." * (n // 6)',
    "dots": '"." * n',
    "beginnings of a secret": "TOKEN[:-1] * (n // 11)",
    "the secret": "TOKEN * (n // 12)",
    "letters that are two in capitals": '"ß" * n',
    "words": '"1 a " * (n // 4)',
}


@pytest.fixture(scope="module")
def child() -> Iterator[LimitedChild]:
    with LimitedChild(MASKING, memory=2**30, seconds=8) as started:
        yield started


@pytest.mark.exhaustive
@pytest.mark.parametrize("what", GLOBALS)
def test_large_globals_cost_little_and_hide_no_other(child: LimitedChild, what: str) -> None:
    assert child.ask(f"masks({GLOBALS[what]})")


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_of_the_longest_size_costs_little(child: LimitedChild, what: str) -> None:
    assert child.ask(f"n = 300_000\nmasks({{'n': 1, 'x': 'a'}}, {TEXTS[what]})")


def test_a_callable_that_answers_again_and_again_fills_no_memory(child: LimitedChild) -> None:
    assert child.ask("""
from flowledger.domain.masking.observing import observe_answers
masker = Masker({"token": TOKEN})
make = observe_answers(lambda n: {"token": f"{n}" * 100}, masker.add_answer)
for n in range(200_000):
    make(n)
assert TOKEN not in masker.text(TOKEN)
""")
