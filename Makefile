# Every target makes the environment ready first (scripts/setup): minutes once, a blink afterwards.
# Variables, all optional:
#   VENV=...             the environment (.venv); VENV=$VIRTUAL_ENV uses the one that is active
#   PYTHON=...           the interpreter to make it with (the first of python3, python3.13, ... that is 3.11 or newer)
#   TORCH=...            what to install as torch, in pip's words; TORCH_INDEX_URL=... the package index to take it from
#   EXTRAS=...           the extras of pyproject.toml to install (dev)
#   REPLACE=1            point an environment that has nnmech from another checkout at this one
#   WORKERS=...          processes that share the tests (one a core)
#   PRESET=... ARGS=...  preset and further arguments of the command
VENV ?= .venv
PRESET ?= default
WORKERS ?= logical
PY := $(VENV)/bin/python
export VENV
# Torch and transformers take three times as long to import where Python may not keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup two-phase test torture dashboard check lint types docs audit-dependencies format

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1	\2/p' Makefile | expand -t 26
	@echo; sed -n '/^# Variables/,/^[^#]/s/^# *//p' Makefile

setup: ## Make the environment ready
	@scripts/setup

two-phase: setup ## Run the two-phase experiment
	$(PY) experiments/two_phase.py --preset $(PRESET) $(ARGS)

dashboard: setup ## Open the dashboard on this machine
	PYTHONPATH=app $(PY) -m nnmech_dashboard $(ARGS)

test: setup ## Run the tests, those of the dashboard in a Chromium where one can be had
	-@scripts/browser
	OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal $(ARGS)

lint: setup ## Check style and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: setup ## Check types
	$(PY) -m pyright --pythonpath $(PY)

docs: setup ## Build the documentation into build/site
	@if [ -f mkdocs.yml ]; then NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet; else echo "no mkdocs.yml: nothing to build"; fi

torture: setup ## Kill, cut, flip and flood run directories and files, for ten minutes at most
	OMP_NUM_THREADS=1 $(PY) -m tests.torture $(ARGS)

audit-dependencies: setup ## Look for known holes in what is installed, where pip-audit is there and reaches its list
	@$(PY) scripts/audit_dependencies.py

check: lint types docs audit-dependencies test ## All of lint, types, docs, audit-dependencies and test

format: setup ## Mend style and formatting where a machine can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
