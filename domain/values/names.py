"""Names: what people and programs call workflows, nodes, types, handles, actors and keys.

Names are checked when they are made. Names that an older release allowed stay readable, and are shown with escapes.
"""

from ..errors import InvalidRequest, InvalidValue
from ..visible import CONTROL_CHARACTERS, quoted, visible
from .json import freeze


def check_name(name: object, place: str) -> None:
    """Raises InvalidValue for a text that can't be a name; ``place`` says what of."""
    text = freeze(name, place, converts=False)
    if not isinstance(text, str):
        raise InvalidValue(place, f"{quoted(name)} is not text")
    fault = name_fault(text)
    if fault is not None:
        raise InvalidValue(place, fault)


def check_run_id(run_id: object) -> None:
    """Raises InvalidRequest for what can't be the id of a run, InvalidValue for text that isn't Unicode."""
    if not isinstance(run_id, str):
        raise InvalidRequest(f"a run id is text, such as run.id, not {type(run_id).__name__}")
    freeze(run_id, "run_id")


def name_fault(name: str) -> str | None:
    """What is wrong with a name, in words; None where nothing is."""
    if name.isascii() and name.isprintable():
        return None
    found = CONTROL_CHARACTERS.search(name)
    if found is None:
        return None
    at = f"{visible(found[0])} at character {found.start()}"
    return f"{quoted(name)} has {at}: a name has no control characters, nor any that turn the order of text"
