"""JSON values read from YAML 1.2. Values repeated by aliases count as often, as JSON has no aliases.

Needs ruamel.yaml, which is written in Python: each value takes it up to 30 µs.
"""

from typing import Any

from ...domain.errors import InvalidRequest

MAX_YAML_BYTES = 4 * 2**20
"""Bytes of a YAML file."""

MAX_YAML_VALUES = 100_000
"""Keys and values of a YAML file with all its aliases written out, a long text once for each 1,000 characters: 4 s and
200 MB at most."""

_TEXT = 1000
"""Characters that count as one value."""


def from_yaml(text: str, name: str) -> Any:
    """The value of a YAML document. Raises InvalidRequest that says where it isn't one, or what to install."""
    if len(text) > MAX_YAML_BYTES:  # characters take a byte or more
        raise InvalidRequest(f"{name} is larger than {MAX_YAML_BYTES >> 20} MiB: write it as JSON")
    try:
        from ruamel.yaml.error import YAMLError

        reader = _reader()
    except ImportError:
        raise InvalidRequest(f"reading {name} needs ruamel.yaml: pip install 'flowledger[yaml]', or use JSON") from None
    try:
        return reader.load(text)
    except RecursionError:
        raise InvalidRequest(f"{name} is nested too deep to be read") from None
    except (YAMLError, ValueError) as error:
        raise InvalidRequest(f"{name} is not YAML: {error}") from None
    except InvalidRequest as error:
        raise InvalidRequest(f"{name} {error}") from None
    except Exception as error:  # the parser of a large language may raise anything
        raise InvalidRequest(f"{name} is not YAML: {type(error).__name__}: {error}") from error


def _reader() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.composer import Composer
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.events import AliasEvent

    class Charged(Composer):  # type: ignore[misc, unused-ignore]
        """Counts values while they are read; an alias counts with all values of its anchor."""

        def __init__(self, loader: Any = None) -> None:
            super().__init__(loader)
            self.warn_double_anchors = False  # YAML allows it: an alias means the anchor before it
            self._count = 0
            self._within: dict[str, int | None] = {}
            """Anchor → values in its node; None while that is read."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.parser.peek_event()
            if self.parser.check_event(AliasEvent):
                self._charge(self._repeated(event.anchor))
                return super().compose_node(parent, index)
            before, anchor = self._count, event.anchor
            self._charge(1 + len(getattr(event, "value", "")) // _TEXT)
            if anchor is not None:
                self._within[anchor] = None
            node = super().compose_node(parent, index)
            if anchor is not None:
                self._within[anchor] = self._count - before
            return node

        def _repeated(self, anchor: str) -> int:
            values = self._within.get(anchor, 1)  # the base class reports an unknown one
            if values is None:
                raise InvalidRequest(f"has a value that contains itself, by the alias *{anchor}")
            return values

        def _charge(self, values: int) -> None:
            self._count += values
            if self._count > MAX_YAML_VALUES:
                raise InvalidRequest(
                    f"has more than {MAX_YAML_VALUES:,} keys and values with its aliases written out: "
                    "make it smaller, or write it as JSON"
                )

    class Constructor(SafeConstructor):  # type: ignore[misc, unused-ignore]
        """Reads dates as text, as JSON has no dates."""

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = Constructor
    reader.Composer = Charged
    return reader
