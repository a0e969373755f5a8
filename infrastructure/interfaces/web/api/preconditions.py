"""What a command carries in headers: the version that its caller saw, and the key that makes it known."""

from typing import Annotated, Any

from fastapi import Depends, Header

from .....domain.errors import InvalidRequest
from .....domain.values.idempotency import check_key
from .....domain.visible import quoted


def read_if_match(
    if_match: Annotated[
        str | None,
        Header(
            description='The version that you saw, quoted: `"3"`.', json_schema_extra={"pattern": '^"[0-9]{1,18}"$'}
        ),
    ] = None,
) -> int | None:
    """The version of an ``If-Match``. Raises InvalidRequest."""
    if if_match is None:
        return None
    number = if_match.strip().removeprefix('"').removesuffix('"')
    if if_match.strip() != f'"{number}"' or not number.isascii() or not number.isdigit() or len(number) > _DIGITS:
        raise InvalidRequest(f'If-Match {quoted(if_match)} is no version as an ETag says it: one such as "3", quoted')
    return int(number)


_DIGITS = 18

IfMatch = Annotated[int | None, Depends(read_if_match)]


def read_key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A name of yours for this command: sent again, it is done once, and answered alike.",
            json_schema_extra={"minLength": 1},
        ),
    ] = None,
) -> str | None:
    """The key, also of a preview, which needs none. Raises InvalidRequest."""
    if key is not None:
        check_key(key)
    return key


Key = Annotated[str | None, Depends(read_key)]


class Preconditions:
    """Both, as the commands of Python take them."""

    def __init__(self, if_match: IfMatch, key: Key) -> None:
        self.expected_version = if_match
        self.idempotency_key = key

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments."""
        return {"expected_version": self.expected_version, "idempotency_key": self.idempotency_key}


Given = Annotated[Preconditions, Depends()]
