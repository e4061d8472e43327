.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
NODE_MODULES := tests/node/node_modules
PEERS := bench/peers/node_modules
# One more than there are cores: many tests wait for servers.
TEST_PROCESSES := $(shell echo $$(($$(nproc) + 1)))
SOURCES := $(shell find src -type f -not -name '*.pyc')

.PHONY: help run test test-faults bench bench-peers check format protos docs conformance lock clean

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/.installed ## Start grantd with a first client on the embedded store
	@scripts/run $(BIN)/grantd

test: $(VENV)/.installed-dev $(NODE_MODULES)/.installed ## Run every test
	@scripts/need redis-server
	@scripts/need valkey-server
	@scripts/need curl
	@scripts/need nginx nginx-light
	@scripts/need systemd-analyze systemd
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
	$(BIN)/python scripts/build_conformance_page.py --check

test-faults: $(VENV)/.installed-dev ## Break everything under load, FAULTS_ROUNDS=N times
	@scripts/need redis-server
	@scripts/need faketime
	$(BIN)/python -m pytest tests/faults tests/unit/faults -m "" --numprocesses 2 --dist loadfile

bench: $(VENV)/.installed-bench ## Measure grantd beside its floor, BENCH="http sqlite peak" a part of it
	@scripts/need redis-server
	@scripts/need wrk
	@scripts/need h2load nghttp2-client
	$(BIN)/python -m bench $(BENCH)

bench-peers: $(VENV)/.installed-bench $(PEERS)/.installed ## Measure grantd beside servers that others wrote
	@scripts/need redis-server
	@scripts/need wrk
	$(BIN)/python -m bench.peers $(BENCH)

check: $(VENV)/.installed-dev ## Run the static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf breaking --against proto/baseline.binpb
	$(BIN)/python scripts/build_protos.py --check
	$(BIN)/python scripts/build_configuration_doc.py --check
	$(BIN)/python scripts/build_audit_doc.py --check

format: $(VENV)/.installed-dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/buf format --write

protos: $(VENV)/.installed-dev ## Generate the gRPC stubs
	$(BIN)/python scripts/build_protos.py --write

docs: $(VENV)/.installed-dev ## Generate the generated pages
	$(BIN)/python scripts/build_configuration_doc.py --write
	$(BIN)/python scripts/build_audit_doc.py --write

conformance: ## Write the page of the conformance rows from the last `make test`
	$(BIN)/python scripts/build_conformance_page.py --write

lock: ## Pin the newest versions that the project allows
	@scripts/lock

clean: ## Remove what was built, but no data
	rm -rf $(VENV) $(NODE_MODULES) $(PEERS) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@scripts/make_venv $(VENV)

# The built wheel is what is run and tested, not the tree.
$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt $(SOURCES)
	$(BIN)/pip install --quiet --constraint constraints.txt .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --group dev
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --group bench
	@touch $@

$(NODE_MODULES)/.installed: tests/node/package.json tests/node/package-lock.json
$(PEERS)/.installed: bench/peers/package.json bench/peers/package-lock.json
$(NODE_MODULES)/.installed $(PEERS)/.installed:
	@scripts/need node nodejs
	@scripts/need npm
	cd $(@D)/.. && npm ci --loglevel=error
	@touch $@
