# `make` alone tells what there is.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test peers check format lock

help: ## Tell what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

install: ## Set everything up in .venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Frontdesk needs Python 3.11 or newer, and $(PYTHON) is not: make install PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) scripts/install.py

demo: install ## Place a spoken call, then leave the server running (ARGS=--exit: end after it)
	@$(BIN)/frontdesk demo $(ARGS)

test: install ## Run the tests (ARGS: what pytest takes)
	@$(BIN)/python -m pytest -q $(ARGS)

peers: install ## Run the tests with clients of other makers (needs npm)
	@npm ci --prefix tests/clients/js --loglevel error
	@$(BIN)/python -m pytest -q -m peers $(ARGS)

check: install ## Lint, formatting, types, and which room may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: install ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Resolve the dependencies anew (needs uv)
	@$(PYTHON) scripts/lock.py
