# `make run` and `make test` set everything up by themselves; a second call sets nothing up again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := pyproject.toml memlab/__init__.py
# Two processes of tests more than there are cores: tests wait for workers and terminals.
TESTERS = $(shell $(PYTHON) -c "import os; print(2 + (os.cpu_count() or 1))")

# Many processes import the same files: what one has compiled the others need not, whatever the
# surroundings say (331 s of the suite instead of 385).
export PYTHONDONTWRITEBYTECODE =

.PHONY: run test test-full torture torture-full lint fix bench measure shots replication clean

run: $(VENV)/.installed
	@if [ -t 1 ]; then exec $(BIN)/memlab; else exec $(BIN)/memlab run noise-ladder; fi

test: $(VENV)/.developed
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile -m "not full"

test-full: $(VENV)/.developed
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile

torture: $(VENV)/.developed
	$(BIN)/python -m tests.torture

torture-full: $(VENV)/.developed
	$(BIN)/python -m tests.torture --full

lint: $(VENV)/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.developed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/memlab bench training

measure: $(VENV)/.developed
	$(BIN)/python tests/measure/screens.py

shots: $(VENV)/.developed
	$(BIN)/python tests/measure/shots.py

replication: $(VENV)/.installed
	mkdir -p docs && $(BIN)/memlab replicate --replicates 200-207 --format md > docs/replication.md

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SETUP) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.developed: $(SETUP) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
