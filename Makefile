.PHONY: audit fuzz

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
