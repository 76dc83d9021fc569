# Everything a contributor types. `make` alone lists it.
#
# Needs make and Python 3.11 or later with its venv module; the rest is installed into .venv from
# the lock files, by hash. Written for GNU make 3.81, which macOS has.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.11 --group build $(UPGRADE)

.PHONY: help demo test check bench fmt lock picture clean
.DEFAULT_GOAL := help

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.run ## Set everything up and export 5,000 comments of a sandbox post (no account)
	@$(BIN)/ingather demo

test: $(VENV)/.dev ## Set everything up and run the tests
	@$(BIN)/python -m pytest -n logical --dist worksteal $(ARGS)

check: $(VENV)/.dev ## Lint, format, types, the stairs, the docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/doors/test_docs.py tests/unit/test_house.py

bench: $(VENV)/.dev ## Measure the figures that the README quotes
	$(BIN)/python -m benchmarks $(ARGS)

fmt: $(VENV)/.dev ## Put the code into its form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock: ## Lock the dependencies anew, by hash (needs uv; UPGRADE=--upgrade takes newer ones)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) pyproject.toml -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --extra dev pyproject.toml -o requirements-dev.lock

picture: $(VENV)/.run ## Draw the README's picture of the demo anew
	$(BIN)/python docs/assets/make_demo_picture.py

clean: ## Remove the environment, the demo's files and every cache
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is newer than what it was made from, so nothing is installed twice.

$(VENV)/.made:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found=$$python; \
			if $$python -c 'import ensurepip, venv' 2>/dev/null; then \
				echo "Making $(VENV) with $$($$python --version)"; \
				$$python -m venv $(VENV) && touch $@ && exit 0; exit 1; \
			fi; \
		fi; \
	done; \
	if [ -n "$$found" ]; then \
		echo "$$found cannot make virtual environments: its venv module is missing."; \
		echo "On Debian or Ubuntu: apt-get install python3-venv"; \
	else \
		echo "Ingather needs Python 3.11 or later, and there is none here."; \
		echo "Debian or Ubuntu: apt-get install python3 python3-venv; macOS: brew install python"; \
		echo "Or name one: make PYTHON=/path/to/python3"; \
	fi >&2; exit 1

$(VENV)/.run: $(VENV)/.made requirements.lock pyproject.toml
	@echo "Installing what requirements.lock names"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.lock pyproject.toml
	@echo "Installing what requirements-dev.lock names"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run
