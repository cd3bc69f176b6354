# Every target makes the environment ready first (scripts/setup): minutes once, a blink afterwards.
# Variables, all optional:
#   VENV=...             the environment (.venv); VENV=$VIRTUAL_ENV uses the one that is active
#   PYTHON=...           the interpreter to make it with (the first of python3, python3.13, ... that is 3.11 or newer)
#   TORCH=...            what to install as torch, in pip's words; TORCH_INDEX_URL=... the package index to take it from
#   EXTRAS=...           the extras of pyproject.toml to install (dev)
#   PRESET=... ARGS=...  preset and further arguments of the command
VENV ?= .venv
PRESET ?= default
PY := $(VENV)/bin/python
export VENV

.DEFAULT_GOAL := help
.PHONY: help setup two-phase test dashboard check lint types format

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1	\2/p' Makefile | expand -t 18
	@echo; sed -n '/^# Variables/,/^[^#]/s/^# *//p' Makefile

setup: ## Make the environment ready
	@scripts/setup

two-phase: setup ## Run the two-phase experiment
	$(PY) experiments/two_phase.py --preset $(PRESET) $(ARGS)

dashboard: setup ## Open the dashboard on this machine
	PYTHONPATH=app $(PY) -m nnmech_dashboard $(ARGS)

test: setup ## Run the tests, those of the dashboard in a Chromium where one can be had
	-@scripts/browser
	$(PY) -m pytest $(ARGS)

lint: setup ## Check style and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: setup ## Check types
	$(PY) -m pyright --pythonpath $(PY)

check: lint types test ## All of lint, types and test

format: setup ## Mend style and formatting where a machine can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
