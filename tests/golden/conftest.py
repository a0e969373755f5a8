"""Every test here that takes a ``scenario`` runs on each of the golden scenarios."""

import pytest

from .bench import SCHEMA_STYLES
from .scenarios import all_scenarios


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" not in metafunc.fixturenames:
        return
    scenarios = all_scenarios()
    if "schema_style" not in metafunc.fixturenames:
        metafunc.parametrize("scenario", [pytest.param(one, id=one.name) for one in scenarios])
        return
    styled = [(one, style) for one in scenarios for style in (SCHEMA_STYLES if one.validates else SCHEMA_STYLES[:1])]
    named = [pytest.param(one, style, id=f"{one.name}-{style}" if one.validates else one.name) for one, style in styled]
    metafunc.parametrize(("scenario", "schema_style"), named)
