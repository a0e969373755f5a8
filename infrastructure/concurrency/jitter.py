"""Random pauses, so that not all come at once: from a source of our own, as the global one is the application's."""

import os
from random import Random

_source = Random()  # noqa: S311 - nothing secret depends on it
if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_source.seed)

random = _source.random
uniform = _source.uniform
