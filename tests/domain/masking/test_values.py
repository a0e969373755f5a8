"""What of globals is a secret: whatever is in it, however deep, and nothing that only says what it is."""

import base64
import dataclasses
import enum
import json
import threading
from array import array
from collections import ChainMap, OrderedDict, UserDict, UserList, deque, namedtuple
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BytesIO, StringIO
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any
from urllib.parse import quote

import pydantic
import pytest

from flowledger.domain.masking import Masker

SECRET = "tr0ub4dor-&-3/x+y="
QUOTED = quote(SECRET, safe="")


class Slots:
    __slots__ = ("__token", "empty")

    def __init__(self) -> None:
        self.__token = SECRET


class ClassSettings:
    token = SECRET


class Vault:
    """A container, and more than what it shows."""

    def __init__(self) -> None:
        self.token = SECRET

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[int]:
        return iter([1])

    def __contains__(self, item: object) -> bool:
        return False

    def fetch(self) -> None: ...


class Hostile:
    """Whoever looks at it too closely regrets it."""

    def __init__(self) -> None:
        self.token = SECRET

    @property
    def explosive(self) -> None:
        raise SystemExit

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __iter__(self) -> Iterator[Any]:
        raise ValueError("not now")

    def __len__(self) -> int:
        raise ValueError("not now")

    def __str__(self) -> str:
        raise ValueError("not now")

    __repr__ = __str__


class Model(pydantic.BaseModel, extra="allow"):
    _token: str = pydantic.PrivateAttr(default=SECRET)


@dataclasses.dataclass
class Pair:
    first: Any
    second: Any


class Kind(enum.Enum):
    ONLY = SECRET


Named = namedtuple("Named", "a b")


def with_default(token: str = SECRET) -> None: ...


def enclosing(token: str) -> Callable[[], str]:
    return lambda: token


def with_itself(secret: str) -> list[Any]:
    values: list[Any] = [secret]
    values.append({"again": values})
    return values


VALUES: dict[str, Any] = {
    "bytes": SECRET.encode(),
    "bytes that are no UTF-8": b"\xff\xfe" + SECRET.encode() + b"\x80",
    "a bytearray": bytearray(SECRET.encode()),
    "a memoryview": memoryview(SECRET.encode()),
    "an array of bytes": array("B", SECRET.encode()),
    "a deque": deque([SECRET]),
    "a set": {SECRET},
    "a frozenset": frozenset([SECRET]),
    "a tuple": ((SECRET,),),
    "a named tuple": Named(1, SECRET),
    "a UserDict": UserDict(a=SECRET),
    "a UserList": UserList([SECRET]),
    "a ChainMap": ChainMap({}, {"a": SECRET}),
    "an OrderedDict": OrderedDict(a=SECRET),
    "a read-only dict": MappingProxyType({"a": SECRET}),
    "the values of a dict": {"a": SECRET}.values(),
    "a key": {SECRET: 1},
    "a key of several parts": {("a", SECRET): 1},
    "an object": SimpleNamespace(a=SimpleNamespace(b=[SECRET])),
    "an object with slots": Slots(),
    "a class": ClassSettings,
    "an object of a class with settings": ClassSettings(),
    "a container with attributes": Vault(),
    "an object that defends itself": Hostile(),
    "a dataclass": Pair(1, Pair(2, SECRET)),
    "a model's private attribute": Model(),
    "a model's extra field": Model.model_validate({"extra": SECRET}),
    "a member of an enum": Kind.ONLY,
    "an enum": Kind,
    "pydantic's secret text": pydantic.SecretStr(SECRET),
    "pydantic's secret bytes": pydantic.SecretBytes(SECRET.encode()),
    "a method's object": Vault().fetch,
    "a default": with_default,
    "what a function encloses": enclosing(SECRET),
    "an argument of a partial": partial(print, SECRET),
    "a keyword of a partial": partial(print, end=SECRET),
    "an error": ValueError("no", SECRET),
    "a path": PurePosixPath(SECRET),
    "a text in memory": StringIO(SECRET),
    "bytes in memory": BytesIO(SECRET.encode()),
    "what holds itself": with_itself(SECRET),
    "JSON": json.dumps({"user": "u", "password": [SECRET]}),
    "JSON in JSON": json.dumps({"config": json.dumps({"password": SECRET})}),
    "blanks around it": f"  {SECRET}\r\n",
    "the password of a URL": f"postgresql://user:{QUOTED}@host/db",
    "the password of a URL, slashes and all": f"postgresql://user:{SECRET}@host/db",
    "a token in place of a user": f"https://{QUOTED}@host/repository.git",
    "a setting": f"host=h password='{SECRET}' user=u",
    "a setting between semicolons": f"Server=h;Password={SECRET};User=u",
    "the value of a header": f"Bearer {SECRET}",
    "the value of a header, encoded": f"Basic {base64.b64encode(f'user:{SECRET}'.encode()).decode()}",
    "user and password": f"user:{SECRET}",
    "a parameter of a URL": f"https://host/path?api_key={QUOTED}&page=1",
}


@pytest.mark.parametrize("what", VALUES)
def test_it_is_masked(what: str) -> None:
    masked = Masker({"it": VALUES[what]}).text(f"failed with {SECRET} today")
    assert masked == "failed with *** today"


@pytest.mark.parametrize(
    ("globals", "text"),
    [
        ({"flag": True, "off": False, "nothing": None}, "True False None true false null"),
        ({"db": {"user": "ada", "password": "s3cr3t", "X-Api-Key": "k-1"}}, "the user has no password, X-Api-Key?"),
        ({"settings": SimpleNamespace(port=443, tries=3, mode="r")}, "port 443 in mode r after 3 tries"),
        ({"config": json.dumps({"port": 443, "mode": "r"})}, "port 443 in mode r"),
        ({"url": "https://api.example.com/v1/orders"}, "https://api.example.com/v1/other failed"),
        ({"letter": "a", "digit": 1}, "b 2 abc 21 aa"),
        ({"range": range(10), "empty": "", "blank": "   "}, "3 4 5   6"),
        ({"module": json, "type": dict, "call": print}, "json dict print dumps"),
    ],
)
def test_what_tells_nothing_stays(globals: dict[str, Any], text: str) -> None:
    assert Masker(globals).text(text) == text


def test_names_of_globals_are_no_secret() -> None:
    assert Masker({"k3y-of-ours": "s3cr3t-token"}).text("k3y-of-ours: s3cr3t-token") == "k3y-of-ours: ***"


def test_nothing_is_called_and_nothing_consumed() -> None:
    def call() -> str:
        raise AssertionError("called")

    waiting = iter(["one", "two"])
    masker = Masker({"call": call, "waiting": waiting, "generator": (item for item in ["three"])})
    assert masker.text("one two three") == "one two three"
    assert list(waiting) == ["one", "two"]


def test_keys_of_json_are_masked_and_stay_apart() -> None:
    masked = Masker({"keys": ["s3cr3t-1", "s3cr3t-2"]}).value({"s3cr3t-1": 1, "s3cr3t-2": ["s3cr3t-1"], "x": 3})
    assert list(masked.values()) == [1, ["***"], 3]
    assert "s3cr3t" not in str(masked)


def test_a_number_too_long_to_be_written_is_passed_over() -> None:
    assert Masker({"n": 10**6000, "token": "s3cr3t-token"}).text("s3cr3t-token") == "***"


class Vaulted(Mapping[str, str]):
    """Secrets that take their time to be read."""

    def __init__(self) -> None:
        self.is_read, self.go_on = threading.Event(), threading.Event()

    def __getitem__(self, key: str) -> str:
        return SECRET

    def __iter__(self) -> Iterator[str]:
        self.is_read.set()
        self.go_on.wait(timeout=60)
        return iter(["token"])

    def __len__(self) -> int:
        return 1


def test_a_thread_waits_for_secrets_that_another_one_is_reading() -> None:
    vault = Vaulted()
    masker = Masker({"vault": vault})
    masked: list[str] = []
    first, second = (threading.Thread(target=lambda: masked.append(masker.text(SECRET))) for _ in range(2))
    first.start()
    assert vault.is_read.wait(timeout=60)
    second.start()
    second.join(timeout=0.1)  # it can't end before the first one does
    vault.go_on.set()
    first.join()
    second.join()
    assert masked == ["***", "***"]
