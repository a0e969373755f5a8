"""Whether a run ran the code that its workflow's version saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.events.envelope import Distribution
from ...domain.workflow import JobCode
from ...domain.workflow.same_code import same_code
from ..comparison.text import unified_diff


@dataclass(frozen=True, slots=True)
class CodeDrift:
    """The code of one node type, as it was saved and as it ran."""

    type: str
    version: int
    """The workflow's version that the run uses."""
    drifted: bool
    """Whether it is other code, or came from another distribution; not where only comments or the layout differ."""
    saved: JobCode | None
    """None where the save knew no code of this type."""
    digest: str | None
    """Of what ran. None where the run says nothing of it: it was recorded without executors."""
    source: str | None
    """Of what ran; its qualified name where there is no source, None where that isn't known."""
    distribution: Distribution | None
    """What the code that ran was installed with, where that is known."""

    @property
    def text(self) -> str | None:
        """A unified diff from the saved source to the one that ran; None if they are the same, or one isn't known."""
        saved = None if self.saved is None else self.saved.get("source")
        return None if saved is None or self.source in (None, saved) else unified_diff(saved, self.source or "")

    def __str__(self) -> str:
        if not self.drifted:
            relaid = "" if self.text is None else ", but for comments or layout"
            return f"{self.type!r}: as saved in version {self.version}{relaid}"
        if self.saved is None:
            return f"{self.type!r}: version {self.version} saved no code of it"
        was, now = _release(self.saved.get("distribution")), _release(self.distribution)
        installed = f" ({was} → {now})" if was != now else ""
        return f"{self.type!r}: drifted since version {self.version}{installed}"


def drift(code: Mapping[str, JobCode], version: int, body: Mapping[str, Any]) -> list[CodeDrift]:
    """The code that ran, compared with the code saved with ``version`` of the workflow, by node type.

    ``body`` is that of the event that names the code: the run's first one, or a later one that has ``drifted``.
    """
    digests, sources = body.get("code", {}), body.get("drifted", {})
    distributions = body.get("distributions", {})
    return [_one(type, version, code.get(type), digests, sources, distributions) for type in sorted({*code, *digests})]


def _one(
    type: str,
    version: int,
    saved: JobCode | None,
    digests: Mapping[str, str],
    sources: Mapping[str, str],
    distributions: Mapping[str, Distribution],
) -> CodeDrift:
    digest = digests.get(type)
    kept = None if saved is None else saved.get("distribution")
    is_same_text = saved is not None and digest == saved["digest"]
    source = saved.get("source") if saved is not None and is_same_text else sources.get(type)
    is_same = is_same_text or (saved is not None and same_code(saved.get("source"), source))
    drifted = digest is not None and not (is_same and (kept is None or kept == distributions.get(type)))
    return CodeDrift(type, version, drifted, saved, digest, source, distributions.get(type))


def _release(distribution: Distribution | None) -> str:
    return "none" if distribution is None else f"{distribution['name']} {distribution['version']}"
