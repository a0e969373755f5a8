"""What the groups of methods of ``ledger.runs`` have in common."""

from ....domain.live import Unpicklable
from .run_services import RunServices


class RunMethods(Unpicklable):
    """A group of methods of ``ledger.runs``."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, services: RunServices) -> None:
        self._services = services
        self._threads = services.threads
