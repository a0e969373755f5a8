"""Wake-ups from one process to all others, as a database sends them; some seeds lose them."""

from typing import Any

from flowledger.infrastructure.storage.wakeups import Wakeups


class SimulatedWakeups(Wakeups):
    """Those of one process."""

    def __init__(self, world: Any) -> None:
        super().__init__()
        self._world = world

    def notify(self, *, no_work: bool = False) -> None:
        if self._world.loses_wakeups:
            return
        for service in self._world.services():
            for process in service.processes:
                process.store.wakeups._wake(no_work=no_work)
