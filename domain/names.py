"""Names: what people and programs call workflows, nodes, types, handles, actors and keys.

They are checked where a name is made. What an older release took stays readable, and is shown with escapes.
"""

from .errors import InvalidValue
from .jsonvalue import freeze
from .visible import STEERING, visible


def check_name(name: str, place: str) -> None:
    """Raises InvalidValue for a text that can't be a name; ``place`` says what of."""
    freeze(name, place)
    fault = name_fault(name)
    if fault is not None:
        raise InvalidValue(place, fault)


def name_fault(name: str) -> str | None:
    """What is wrong with a name, in words; None where nothing is."""
    if name.isascii() and name.isprintable():
        return None
    found = STEERING.search(name)
    if found is None:
        return None
    at = f"{visible(found[0])} at character {found.start()}"
    return f"{shortened(name)} has {at}: a name has no control characters, nor any that turn the order of text"


def shortened(value: object) -> str:
    """A value as an error quotes it: escaped, and no longer than anyone reads."""
    quoted = repr(value[: QUOTED + 1] if isinstance(value, str) else value)
    return visible(quoted if len(quoted) <= QUOTED else f"{quoted[:QUOTED]}…")


QUOTED = 100
"""Characters of a value that an error quotes."""
