"""What made somebody start a run."""

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue
from ..values.names import check_name


def check_trigger(trigger: Mapping[str, Any]) -> None:
    """Raises InvalidValue for a trigger that doesn't say of what kind it is."""
    kind = trigger.get("kind")
    if not (isinstance(kind, str) and kind):
        raise InvalidValue("trigger.kind", "a trigger says of what kind it is, such as cron or webhook")
    check_name(kind, "trigger.kind")
