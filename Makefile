# Needs Python 3.11 or newer, make, and a package registry. Everything else is set up by the targets themselves.
PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
WORKERS ?= 2
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench columns fuzz quarter corpus

help: ## show this list
	@echo "vendorwatch — make TARGET [ARGS=…]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name words; do printf '  %-7s %s\n' "$$name" "$$words"; done
	@echo "demo, test and bench set up what they need; PYTHON=/path/to/python3.12 names another Python."

setup: ## make .venv with the locked dependencies
	@$(PYTHON) scripts/setup.py

demo: setup ## find three leaks in a recorded month, then serve the API (ARGS=--no-serve to end by itself)
	@$(BIN)/vendorwatch demo $(ARGS)

test: setup ## everything that must hold: lint, types, tests against a real PostgreSQL (ARGS="tests/sources -k name")
	@$(PYTHON) scripts/system_packages.py test
	@$(MAKE) --no-print-directory lint
	@echo "test: pytest, $(WORKERS) workers" >&2
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup $(ARGS)

lint: setup ## ruff and mypy
	@echo "lint: ruff check, ruff format, mypy" >&2
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check . || { echo "lint: run $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/mypy --no-error-summary

bench: setup ## speed and memory of every part, beside pgBadger, Zircolite and a bare DuckDB read (ARGS="--records 200000 --long 0")
	@$(PYTHON) scripts/system_packages.py bench
	@$(BIN)/python bench/run.py $(ARGS)
	@$(BIN)/python -m bench.columns
	@$(BIN)/python -m bench.zircolite

columns: setup ## how right and how fast the PII classifier is, beside its peers (ARGS="--seed 7 --no-peers")
	@$(BIN)/python -m bench.columns $(ARGS)

fuzz: setup ## 100,000 malformed inputs for every parser of log files (ARGS="--count 5000 --only postgres_jsonlog")
	@$(BIN)/python -m tests.fuzz $(ARGS)

quarter: setup ## thieves among honest vendors over made-up quarters: recall and precision by kind (ARGS="--seeds 3 --verbose")
	@$(BIN)/python -m tests.simulation $(ARGS)

corpus: setup ## ways out and look-alikes on live servers, scored (ARGS="--seed 7 --details")
	@$(PYTHON) scripts/system_packages.py test
	@$(BIN)/python -m tests.corpus $(ARGS)
