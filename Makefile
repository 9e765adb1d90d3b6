# Everything from a fresh clone: make demo, make test. Needs Python 3.11 to 3.13 and make.
# Another Python: make test PYTHON=python3.12. Another place for the environment: VENV=folder.

suits = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
found := $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c "$(suits)" 2>/dev/null && echo $$python && break; done)
PYTHON ?= $(found)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.PHONY: help install demo test lint types format clean
.DEFAULT_GOAL := help

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## make the environment .venv with everything in it

demo: $(INSTALLED)  ## watch a network learn to write: 3 minutes of training
	$(BIN)/seqloom train --preset demo --out runs/demo --overwrite

test: $(INSTALLED)  ## run the tests and the examples in the docstrings
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope --no-loadscope-reorder

lint: $(INSTALLED)  ## check form and habits of the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED)  ## check the types of the package
	$(BIN)/mypy

format: $(INSTALLED)  ## mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the environment and the caches, keep the runs
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Only a change of pyproject.toml or constraints.txt installs again; setuptools comes first because
# the package is then built with the pinned one, not with whatever is newest that day.
$(INSTALLED): pyproject.toml runtime/pyproject.toml constraints.txt
	@"$(PYTHON)" -c "$(suits)" 2>/dev/null || { \
		echo "Seqloom needs Python 3.11 to 3.13; found none as \"$(PYTHON)\"." \
			"Name one: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip setuptools
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
		--editable ./runtime --editable ".[all,dev]"
	@touch $@
