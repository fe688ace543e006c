# Two commands: `make demo` runs the study on drawn portraits, `make test` passes the tests.
# Both make the environment first. Only relative paths: the project may lie in a folder with spaces.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
EXTRAS := test,docs,notebooks
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test check nightly bench docs lock clean

help:
	@echo "make demo     the whole study on drawn portraits, offline"
	@echo "make test     all tests"
	@echo "make check    ruff, mypy and the quick tests, in under a minute"
	@echo "make bench    the benchmarks"
	@echo "make nightly  the audit on a tenth of the known answers, then the benchmarks"
	@echo "make docs     the documentation as pages, in site/ (.venv/bin/mkdocs serve: with search)"
	@echo "make install  the environment alone (.venv)"
	@echo "make lock     write requirements.lock from the environment"
	@echo "make clean    remove the environment and the demo's data"

install: $(STAMP)

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, found %s; name one: make PYTHON=python3.12" % sys.version.split()[0])'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet --constraint requirements.lock --editable ".[$(EXTRAS)]"
	@touch $(STAMP)

demo: install
	$(RUN) -m kedro run --env demo

test: install
	$(RUN) -m pytest -n 2

check: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pytest -n 2 -m "not slow" -q

nightly: install
	$(RUN) -m kedro run --pipelines known_answers
	$(RUN) -m pytest tests/benchmarks -q

bench: install
	$(RUN) -m pytest tests/benchmarks -q --log-cli-level=INFO --log-cli-format="%(message)s"

docs: install
	$(RUN) -m mkdocs build --strict

lock: install
	$(RUN) -m pip list --format=freeze --exclude-editable --exclude pip --exclude setuptools > requirements.lock

clean:
	rm -rf $(VENV) data/demo data/test
