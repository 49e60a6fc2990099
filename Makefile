# Everything runs inside .venv; any target may be the first one called on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
MODEL ?=

.DEFAULT_GOAL := help
.PHONY: help install demo pictures test check format bench wheels clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## make .venv with the medrek-flow command in it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "medrek-flow needs Python >= 3.11, got %s: call make PYTHON=/path/to/python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## night after night on an invented world, every claim asserted (MODEL=<hub id or path> for your own model)
	$(BIN)/python -m workflow.demo $(if $(MODEL),--model '$(MODEL)')

pictures: $(STAMP)  ## the review screens on a demo site, as docs/review_*.svg and .png (minutes; Chromium for the .png)
	rm -rf build/pictures && mkdir -p build
	$(BIN)/python -m workflow.demo --keep build/pictures --keep-queue build/pictures/queue --no-ask
	$(BIN)/python -m workflow.demo.pictures build/pictures/queue build/pictures/site docs

test: $(STAMP)  ## the whole test suite (CPU only, offline)
	$(BIN)/python -m pytest

check: $(STAMP)  ## format, lint, types and the dependency rule
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## the benchmark commands that need neither data nor a GPU
	$(BIN)/medrek-flow bench startup
	$(BIN)/medrek-flow bench promotion

# Torch alone is resolved: which packages it needs beside it depends on where pip gets it from (CPU or CUDA).
# build/lib is what an earlier build left, which setuptools would take into the wheel.
EXTRAS := documents,local-llm,web,train
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
wheels: $(STAMP)  ## every pinned wheel into wheels/, to install on a machine without a network
	rm -rf build/lib build/bdist.* wheels/medrek_flow-*.whl
	$(PIP) wheel --no-deps --wheel-dir wheels --requirement constraints.txt
	$(PIP) wheel --find-links wheels --wheel-dir wheels --constraint constraints.txt torch
	$(PIP) wheel --no-deps --wheel-dir wheels .
	cp constraints.txt wheels/
	$(PIP) install --dry-run --ignore-installed --no-index --find-links wheels --constraint wheels/constraints.txt 'medrek-flow[$(EXTRAS)]'
	@echo "complete; there: python3 -m pip install --no-index --find-links wheels --constraint wheels/constraints.txt 'medrek-flow[documents]'"

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
