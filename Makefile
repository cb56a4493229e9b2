# `make` alone tells what there is.

PYTHON ?= python3
BIN := .venv/bin
PEERS := .venv-peers
MCP_PEERS := .venv-mcp-modern
CLICKHOUSE := .venv-clickhouse
MCP_LEGACY := .venv-mcp-legacy
# Tests mostly wait: for servers to start, for speech to pass. So there is one process more than
# there are cores; a file's tests stay in one.
PARALLEL := -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1))) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install demo test chaos peers check format lock

help: ## Tell what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

install: ## Set everything up in .venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Frontdesk needs Python 3.11 or newer, and $(PYTHON) is not: make install PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) scripts/install.py

demo: install ## Place a spoken call, then leave the server running (ARGS=--exit: end after it)
	@$(BIN)/frontdesk demo $(ARGS)

test: install ## Run the tests (ARGS: what pytest takes)
	@$(BIN)/python -m pytest -q $(PARALLEL) $(ARGS)

chaos: install ## Kill workers in live calls, for long (KILLS=500 for each store; SEED: repeat a run)
	@FRONTDESK_CHAOS=$(or $(KILLS),500) $(if $(SEED),FRONTDESK_CHAOS_SEED=$(SEED)) \
		$(BIN)/python -m pytest -q -s tests/chaos/test_kills.py $(ARGS)

peers: install $(PEERS)/.installed $(MCP_LEGACY)/.installed $(CLICKHOUSE)/.installed ## Run the tests with other people's clients, MCP servers and ClickHouse (needs npm)
	@npm ci --prefix tests/clients/js --loglevel error
	@$(BIN)/python -m pytest -q $(PARALLEL) tests/clients/js $(ARGS)
	@FRONTDESK_PYTHON=$(CURDIR)/$(BIN)/python PYTHONPATH=$(CURDIR) $(PEERS)/bin/python -m pytest -q \
		-c tests/clients/python/pytest.ini --rootdir . --confcutdir tests tests/clients/python $(ARGS)
	@$(BIN)/python scripts/openai_suite.py $(PEERS)/bin/python
	@npm ci --prefix tests/mcp_peers --ignore-scripts --loglevel error
	@$(BIN)/python -m pytest -q tests/mcp_peers $(ARGS)
	@$(BIN)/python -m pytest -q -k clickhouse tests/tracing $(ARGS)

# Their own environment: they want other versions of packages than we do. docopt has no wheel.
$(PEERS)/.installed: tests/clients/python/requirements.lock
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --require-hashes --only-binary :all: --no-binary docopt --requirement $<
	@touch $@

# MCP servers on the SDK's version 2, with uv, which is several times as fast at installing those on
# version 1: among them is a whole gateway.
$(MCP_PEERS)/.installed: tests/mcp_peers/modern.lock
	@$(PYTHON) -m venv --clear $(MCP_PEERS)
	@$(MCP_PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --require-hashes --only-binary :all: --requirement $<
	@touch $@

# ClickHouse's engine is half a gigabyte: not among what everybody's tests need.
$(CLICKHOUSE)/.installed: tests/clickhouse.lock
	@$(PYTHON) -m venv --clear $(CLICKHOUSE)
	@$(CLICKHOUSE)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --require-hashes --only-binary :all: --requirement $<
	@touch $@

$(MCP_LEGACY)/.installed: tests/mcp_peers/legacy.lock $(MCP_PEERS)/.installed
	@$(MCP_PEERS)/bin/uv venv --quiet --clear --python $(MCP_PEERS)/bin/python $(MCP_LEGACY)
	@$(MCP_PEERS)/bin/uv pip install --quiet --python $(MCP_LEGACY)/bin/python \
		--no-deps --require-hashes --only-binary :all: --requirement $<
	@touch $@

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
