"""What can be said of a step, of an edge and of a whole workflow, in the order in which forms ask for it."""

from typing import Final

from .entries import Setting

STEP: Final = (
    Setting(("id",), "line", "Name", among=None, is_needed=True),
    Setting(("type",), "line", "Type", "which executor runs it", among="types", is_needed=True),
    Setting(("data",), "json", "Data"),
    Setting(("expressions",), "yes-no", "Expressions in the data", "no: double braces are text"),
    Setting(("code",), "code", "Job code", "where the job is text"),
)
RETRY: Final = (
    Setting(("retry", "maxRetries"), "number", "Retries"),
    Setting(("retry", "interval"), "number", "First after", "seconds"),
    Setting(
        ("retry", "backoff"), "choice", "Then", None, (("", "–"), ("fixed", "the same"), ("exponential", "growing"))
    ),
    Setting(("retry", "factor"), "number", "Growing by", "times"),
    Setting(("retry", "maxInterval"), "number", "At most after", "seconds"),
    Setting(("retry", "jitter"), "number", "Left to chance", "part, 0 to 1"),
    Setting(("retry", "on"), "names", "Only for", "error types, with commas"),
    Setting(("retry", "never"), "names", "Never for", "error types, with commas"),
    Setting(("timeout",), "number", "One attempt may take", "seconds"),
)
METADATA: Final = (Setting(("metadata",), "json", "Metadata"),)
OF_A_STEP: Final = (*STEP, *RETRY, *METADATA)

EDGE: Final = (
    Setting(("target",), "line", "To", among="nodes", is_needed=True),
    Setting(("on",), "choice", "When it has", None, (("success", "done its work"), ("failure", "failed for good"))),
    Setting(("sourceHandle",), "line", "By handle"),
    Setting(("when",), "line", "If"),
    Setting(("label",), "line", "Label"),
    Setting(("enabled",), "yes-no", "Enabled"),
)

WORKFLOW: Final = (
    Setting(("name",), "line", "Name", "what people call it"),
    Setting(("description",), "line", "Description", "what it is for"),
    Setting(("metadata",), "json", "Metadata"),
)
