"""Examples of what is sent, for the description of the API."""

from typing import Any, Final

PATHS: Final = {
    "run": "01a20790-d98e-7246-ae86-ba70bd6970b5",
    "other": "01a1fd60-7700-7f1e-98b0-1f2f5d6b8e3c",
    "id": "01a212d5-7220-7fd7-82f2-4b44f6299894",
    "workflow": "order-approval",
    "version": "live",
    "name": "shop-import",
}
"""By the parameter of the path."""

BODIES: Final[dict[str, dict[str, Any]]] = {
    "AppliedPolicy": {"olderThan": "90d", "keepLast": 100, "reason": "as the policy of the shop says"},
    "Because": {"reason": "the customer asked for another address"},
    "Execution": {"stepLimit": 100},
    "ErasedSubject": {"subject": "customer:42", "reason": "request 7", "dryRun": True},
    "Fork": {"version": 14, "output": {"approved": True}, "wait": False},
    "LiftedHold": {"runId": "01a20790-d98e-7246-ae86-ba70bd6970b5", "reason": "case 7 is closed"},
    "Metadata": {"metadata": {"team": "ops", "ticket": None}},
    "NewFilters": {"name": "failed this week", "query": "status=failed&since=7d"},
    "NewHold": {"runId": "01a20790-d98e-7246-ae86-ba70bd6970b5", "reason": "case 7"},
    "NewName": {"to": "failed, last 7 days"},
    "NewToken": {"name": "shop-import", "role": "operator", "expires": "90d"},
    "Note": {"note": "the count is done"},
    "Policy": {"olderThan": "90d", "status": ["completed", "cancelled"]},
    "Release": {"version": 9, "message": "tried for a day"},
    "Rename": {"name": "Orders"},
    "Reproduce": {"effects": ["charge-card"], "wait": False},
    "Request": {"act": "retry", "matching": {"status": ["failed"], "node": "ship"}, "fromNode": "ship"},
    "Restore": {"version": 7},
    "Resume": {"payload": {"approved": True}, "wait": "01a212d5-7220-7fd7-82f2-4b44f6299894"},
    "Retry": {"fromNode": "ship", "wait": False, "reason": "the carrier is back"},
    "SaveWorkflow": {
        "definition": {"nodes": [{"id": "ship", "type": "book-carrier"}], "edges": []},
        "message": "book express, too",
    },
    "Start": {"payload": {"order_id": "o-7"}, "wait": False, "priority": 5},
}
"""By the model of the body."""
