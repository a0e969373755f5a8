.PHONY: check format test exhaustive ci audit fuzz

PYTHON ?= python3

# What can be said in two minutes: look before each commit.
FAST = tests/domain tests/projections tests/pickling tests/ledger/test_async_variants.py tests/ledger/test_workflows.py
check:
	ruff check .
	ruff format --check .
	lint-imports
	mypy
	pyright
	$(PYTHON) -m pytest -q $(FAST)

# Lines as the formatter has them, imports in order.
format:
	ruff check --fix .
	ruff format .

# All that a change has to pass by default.
test:
	$(PYTHON) -m pytest

# The long sweeps, too.
exhaustive:
	$(PYTHON) -m pytest --exhaustive

# What decides: from a fresh environment, on every interpreter that is found.
ci:
	.ci/run

# Known vulnerabilities of what users install, all extras included. It fails where the index tells no advisories.
audit:
	python3 -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit '.[postgres,zstd,yaml,parquet,testing,tui]'
	build/audit/bin/python -m pip uninstall --quiet --yes flowledger
	build/audit/bin/pip-audit --local --strict

# Every parser that reads what strangers write, for SECONDS each.
SECONDS ?= 600
fuzz:
	python3 -m tests.fuzz --seconds $(SECONDS)
