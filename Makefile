# `make` lists the targets. Set-up is done once, and again when what it installs has changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The quickstart's stack file has dates in it: it is judged by the day it was written for.
QUICKSTART_DAY := 2026-11-22

.PHONY: help setup quickstart test lint format golden bench clean conformance-tools testdata fuzz

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

setup: $(READY) ## install everything into .venv; skipped when up to date

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "meshwright needs Python 3.11 or newer; name one: make setup PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

quickstart: $(READY) ## preview, check and render the quickstart stack (with pulumi and a cluster: offer to deploy it)
	@$(BIN)/meshwright up quickstart --as-of $(QUICKSTART_DAY)

test: $(READY) ## run the tests, with branch coverage
	@$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-report=term $(ARGS)

lint: $(READY) ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy policy/__main__.py

format: $(READY) ## put the code in shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

golden: $(READY) ## write the golden files anew
	@$(BIN)/python -m pytest --update-golden tests/unit

conformance-tools: $(READY) ## build and fetch the servers of tests/conformance into .tools (15 minutes, once)
	@$(BIN)/python tools/install.py

testdata: $(READY) ## fetch the CRDs and chart values that tests/conformance reads, where MESHWRIGHT_TESTDATA has none
	@$(BIN)/python tools/testdata.py

fuzz: $(READY) ## look for inputs that break what must hold, for FUZZ_SECONDS (default 300)
	@$(BIN)/python -m tests.fuzz $(or $(FUZZ_SECONDS),300)

bench: $(READY) ## measure speed and memory against named peers
	@$(BIN)/python -m bench $(ARGS)

clean: ## remove what was built
	rm -rf $(VENV) out build dist .mypy_cache .pytest_cache .ruff_cache .coverage*
