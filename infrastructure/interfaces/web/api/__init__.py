"""``/api``: what the ledger answers, as JSON. One router a subject."""
