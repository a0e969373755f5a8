"""Where the history of a store begins to be whole: of what was before, runs were removed under retention policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class HistoryBeginning:
    """From when on history is whole: runs from before were removed under retention policies."""

    at: datetime
    """Nothing of what has happened since then was removed."""
    runs: int
    """How many runs were."""
    removed_at: datetime
    """When the last of them were."""
    by: str
    """Who removed those."""
    policy: Mapping[str, Any]
    """Under which policy, as its record has it."""

    @property
    def policy_in_words(self) -> str:
        """``completed, older than 90 days``."""
        return ", ".join(_words(self.policy))


def _words(policy: Mapping[str, Any]) -> list[str]:
    words = [" or ".join(map(str, policy.get("status", ())))]
    if "older_than" in policy:
        words.append(f"older than {_length(policy['older_than'])}")
    if "workflow_id" in policy:
        words.append(f"of workflow {policy['workflow_id']}")
    if "keep_last" in policy:
        words.append(f"but for the newest {policy['keep_last']:,} of each workflow")
    if "max_bytes" in policy:
        words.append(f"but for the newest {policy['max_bytes']:,} bytes")
    return [word for word in words if word]


def _length(seconds: float) -> str:
    days, rest = divmod(seconds, timedelta(days=1).total_seconds())
    if rest:
        return f"{seconds / 3600:,.4g} hours"
    return "a day" if days == 1 else f"{days:,.0f} days"
