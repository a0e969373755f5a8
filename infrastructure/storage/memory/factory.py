"""The backend in memory as a persistence module of the eventsourcing library."""

from eventsourcing import popo

from .recorder import MemoryRecorder


class Factory(popo.POPOFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.storage.memory.factory``."""

    def application_recorder(self) -> MemoryRecorder:
        return MemoryRecorder()
