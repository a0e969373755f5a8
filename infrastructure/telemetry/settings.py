"""Whether and where a ledger sends spans and metrics. Imports OpenTelemetry where that is asked for, and not before."""

from typing import TYPE_CHECKING

from ...domain.errors import InvalidRequest
from ...domain.live import Unpicklable

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from .observer import Observer


class Telemetry(Unpicklable):
    """Send spans and metrics of runs by OpenTelemetry: ``open_ledger(…, telemetry=fl.Telemetry())``.

    Without arguments they go to the global providers, those that the application, or ``opentelemetry-instrument``, sets
    up, now or later. Payloads, outputs and messages of errors are in none of them.

    Raises InvalidRequest where ``opentelemetry-api`` isn't installed.
    """

    _send_instead = "send what it was made of, and make another one there"

    def __init__(
        self, tracer_provider: "TracerProvider | None" = None, meter_provider: "MeterProvider | None" = None
    ) -> None:
        try:
            from .observer import Observer
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "opentelemetry":
                raise
            raise InvalidRequest("telemetry needs OpenTelemetry: pip install 'flowledger[otel]'") from None
        self._observer = Observer(tracer_provider, meter_provider)


def observer_of(telemetry: Telemetry) -> "Observer":
    """What a ledger tells what it does; it is private to its users."""
    return telemetry._observer  # pyright: ignore[reportPrivateUsage]
