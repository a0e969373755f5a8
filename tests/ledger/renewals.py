"""How a follower of events dies in a test."""

from flowledger.infrastructure.services.subscriptions.names import Leases

LONG = 60.0
"""Seconds after which a test gives up."""


def end_renewals(leases: Leases) -> None:
    """Nothing renews a lease any more, also no renewal that has begun, once this returns."""
    thread = leases._thread
    leases.close()
    if thread is not None:
        thread.join(LONG)
        assert not thread.is_alive(), "the thread that renews leases doesn't end"
