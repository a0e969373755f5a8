"""The PostgreSQL backend as a persistence module of the eventsourcing library."""

from typing import Any, cast

from eventsourcing import postgres as stock
from psycopg.conninfo import make_conninfo

from .datastore import PostgresDatastore
from .recorder import PostgresRecorder


class Factory(stock.PostgresFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.storage.postgres.factory``.

    ``POSTGRES_URL``, or the library's own keys.
    """

    POSTGRES_URL = "POSTGRES_URL"
    application_recorder_class = PostgresRecorder

    def __init__(self, env: Any) -> None:
        # Skips the library's own __init__, which requires the keys that a URL replaces.
        super(stock.BasePostgresFactory, self).__init__(env)
        url = self.env.get(self.POSTGRES_URL)
        self.datastore: PostgresDatastore = PostgresDatastore(url or self._conninfo())

    def _conninfo(self) -> str:
        return make_conninfo(
            dbname=self.env.get(self.POSTGRES_DBNAME),
            host=self.env.get(self.POSTGRES_HOST),
            port=self.env.get(self.POSTGRES_PORT) or None,
            user=self.env.get(self.POSTGRES_USER),
            password=self.env.get(self.POSTGRES_PASSWORD),
        )

    def application_recorder(self) -> PostgresRecorder:
        return cast("PostgresRecorder", super().application_recorder())
