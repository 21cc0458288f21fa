# Two commands: `make demo` shows the product at work, `make test` runs what CI runs.
# Both create what they need: a virtual environment in .venv with everything installed.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What is installed: the product (enough for the demo), or everything the tests need.
LOCAL  := $(VENV)/.local
READY  := $(VENV)/.dev

.PHONY: demo test check format artifacts man pictures reference benchmark clean

demo: $(LOCAL)
	$(BIN)/python examples/demo.py

# What failed is run once more, alone: a machine that was busy elsewhere is told from a bug, which fails both times.
test: check
	$(BIN)/python -m pytest -n 2 --dist loadgroup || $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The template and the Lambda layer that travel in the wheel; the tests fail when they are stale.
artifacts: $(READY)
	PYTHONPATH=backend $(BIN)/python -m todo_backend.infra.artifacts

# The manual pages that travel in the wheel; the tests fail when they are stale.
man: $(READY)
	$(BIN)/python -m todo_cli._man docs/man

# docs/reference.md, from the docstrings; a test fails when it is stale.
reference: $(READY)
	$(BIN)/python docs/reference.py

# The pictures of the command at work in the documentation.
pictures: $(READY)
	$(BIN)/python docs/pictures.py

benchmark: $(READY)
	$(BIN)/python benchmarks/spine.py
	$(BIN)/python benchmarks/cli.py

# pip is upgraded first: older resolvers take minutes over ministack's exact pin of botocore.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(LOCAL): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -qq --editable '.[local]'
	touch $@

$(READY): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -qq --editable '.[dev]'
	touch $(LOCAL) $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
