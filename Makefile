# Everything here works in an empty clone: the environment is made first where it is needed.
# Wanted on the machine: make and Python 3.11 or newer (`make demo PYTHON=python3.12` picks one).

PYTHON    ?= python3
VENV      ?= .venv
DEMO      ?= cxml-demo
CUSTOMERS ?= 20000
SEED      ?= 0
TESTFLAGS ?= -n auto --dist loadfile

BIN  := $(VENV)/bin
# Nothing is compiled ahead: most modules of the libraries are never imported.
PIP  := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile -c constraints.txt
CODE := cxml tests docs $(wildcard pipelines notebooks benchmarks)

export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types layers tests slow docs bench clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.core  ## simulate a company, learn from it, score it, report: see cxml-demo/
	$(BIN)/cxml demo $(DEMO) --customers $(CUSTOMERS) --seed $(SEED)

test: lint types layers tests  ## all that must hold: lint, types, layers, tests

lint: $(VENV)/.full  ## ruff: rules and format
	$(BIN)/ruff check --quiet $(CODE)
	$(BIN)/ruff format --quiet --check $(CODE)

format: $(VENV)/.full  ## fix what ruff can fix
	$(BIN)/ruff check --quiet --fix $(CODE)
	$(BIN)/ruff format --quiet $(CODE)

types: $(VENV)/.full  ## mypy --strict on cxml/
	$(BIN)/mypy

layers: $(VENV)/.full  ## imports point one way, one door per heavy library
	$(BIN)/lint-imports --no-logo

tests: $(VENV)/.full  ## pytest, doctests included (TESTFLAGS="-k store" for a part)
	$(BIN)/python -m pytest $(TESTFLAGS)

slow: $(VENV)/.full  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

docs: $(VENV)/.full  ## write docs/reference/ from the declarations
	$(BIN)/python docs/generate.py

bench: $(VENV)/.full  ## how near the models come to a known truth (SEEDS=1 for a look)
	$(BIN)/python -W ignore benchmarks/truth.py --seeds $(or $(SEEDS),5)

clean:  ## remove the environment, the caches and the demo
	rm -rf $(VENV) cxml-demo build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cxml needs Python 3.11 or newer; name one with: make PYTHON=python3.11 ...")'
	@echo "Making $(VENV); the libraries take a few minutes the first time."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@$(PIP) -e .
	@touch $@

$(VENV)/.full: $(VENV)/.core
	@$(PIP) -e ".[test,notebooks]"
	@touch $@
