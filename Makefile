# The developer's and the administrator's commands. Each sets up what it needs; nothing but python3 (with venv), make
# and a package index is assumed. On Debian as root the real peers of the tests are installed too.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
READY_DAFT := build/daft/.ready
DATA ?= ./sealane-data
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:

# Compiled modules are kept, whatever the caller's shell says: every process of the tests starts sooner.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup serve demo test coverage check check-format check-lint check-types check-imports check-unit check-unit-outer check-unit-inner bench bench-exposure bench-desk bench-replay replay-story bench-quick bench-ledger bench-web soak kills lock web screenshots peers clean

help:
	@echo "make serve   start a server on $(DATA)"
	@echo "make demo    see two organizations exchange files, on throw-away data"
	@echo "make check   the developer's loop: format, lint, types, imports, unit tests"
	@echo "make test    every test, with the real clients and servers it needs"
	@echo "make coverage  the same, and which lines and branches they reach"
	@echo "make bench   the data plane beside its peers (make bench-quick: every row once)"
	@echo "make bench-exposure   how well and how fast the people in files are found"
	@echo "make bench-exposure-peers   the same text and tables beside presidio and pyx12"
	@echo "make fuzz             any bytes to the readers of files, until it is stopped"
	@echo "make bench-ledger   what the ledger costs"
	@echo "make bench-web   sending from a browser beside tus-js-client, the first page's size and time"
	@echo "make kills   the keeper killed 200 times under load, and nothing lost"
	@echo "make web     what the pages serve, from its sources (after a change in doors/web/browser)"
	@echo "make screenshots  the main pages as pictures, into docs/screenshots/"
	@echo "make bench-desk   how well people are linked and how fast they are counted (FEBRL=DIR, PSEUDOPEOPLE=DIR: their data sets too)"
	@echo "make bench-replay  every figure of a whole campaign, held against DuckDB (SCALE=1:1 for 77 million people)"
	@echo "make replay-story  the theft of 2023 at 1:100 through a real server (STORY_SCALE=…)"
	@echo "make soak    200 connections for ten minutes (SOAK_SECONDS=60 for one)"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(READY): requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	$(PIP_INSTALL) -r requirements/runtime.txt
	$(PIP_INSTALL) -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(READY_DEV): requirements/dev.txt $(READY)
	$(PIP_INSTALL) -r requirements/dev.txt
	@touch $@

$(READY_DAFT): requirements/daft.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/daft.txt
	@touch $@

setup: $(READY_DEV)

serve: $(READY)
	$(BIN)/sealane serve --data $(DATA)

demo: $(READY)
	@scripts/install-peers.sh demo
	$(BIN)/python scripts/demo.py

peers:
	@scripts/install-peers.sh test

check: $(READY_DEV)
	@$(MAKE) --no-print-directory -j3 --output-sync=target check-unit-outer check-unit-inner check-types check-format check-lint check-imports

check-format: $(READY_DEV)
	$(BIN)/ruff format --check --quiet .

check-lint: $(READY_DEV)
	$(BIN)/ruff check --quiet .

check-types: $(READY_DEV)
	$(BIN)/pyrefly check --output-format min-text

check-imports: $(READY_DEV)
	$(BIN)/lint-imports --no-cache

# Two processes, each with its rooms: every worker of xdist would import and collect them all.
OUTER_ROOMS := tests/app tests/cli tests/client tests/doors tests/vault
CHECK_UNIT := SEALANE_HYPOTHESIS=check $(BIN)/python -m pytest -p no:xdist -m "not slow"

check-unit: check-unit-outer check-unit-inner

check-unit-outer: $(READY_DEV)
	$(CHECK_UNIT) $(OUTER_ROOMS)

check-unit-inner: $(READY_DEV)
	$(CHECK_UNIT) tests $(OUTER_ROOMS:%=--ignore=%)

# Where a worker broke outside a test, and no test failed, what it left without a report is run by one process
# (tests/whole_runs.py): a test that is not seen to pass fails the run.
UNREPORTED := build/tests-without-report.txt

test: $(READY_DEV) $(READY_DAFT) peers
	@rm -f $(UNREPORTED)
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=40 tests || \
		{ test -s $(UNREPORTED) && $(BIN)/python -m pytest -p no:xdist @$(UNREPORTED); }

coverage: $(READY_DEV) $(READY_DAFT) peers
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report= tests
	$(BIN)/coverage report | tail -n 1
	$(BIN)/coverage html --quiet -d build/coverage

bench: $(READY_DEV)
	@scripts/install-peers.sh bench
	$(BIN)/python -m bench

bench-quick: $(READY_DEV)
	@scripts/install-peers.sh bench
	$(BIN)/python -m bench --quick

bench-exposure: $(READY_DEV)
	$(BIN)/python -m bench.exposure

bench-exposure-peers: $(READY_DEV)
	$(PIP_INSTALL) -r requirements/bench.txt
	$(BIN)/python -m bench.exposure_peers

fuzz: $(READY_DEV)
	$(PIP_INSTALL) -r requirements/fuzz.txt
	$(BIN)/python -m tests.exposure.fuzz --strict -max_len=65536 -timeout=60

bench-ledger: $(READY_DEV)
	$(BIN)/python -m bench.ledger

bench-web: $(READY_DEV) peers
	$(BIN)/python -m bench.web

bench-desk: $(READY_DEV)
	$(BIN)/python -m bench.desk

bench-replay: $(READY_DEV)
	$(BIN)/python -m bench.replay --scale $(or $(SCALE),1:100)

replay-story: $(READY_DEV)
	STORY_SCALE=$(or $(STORY_SCALE),100) $(BIN)/python -m pytest --timeout 3600 tests/stories

soak: $(READY_DEV)
	$(BIN)/python -m tests.whole.soak

kills: $(READY_DEV)
	$(BIN)/python -m tests.keeper.kills

web: $(READY_DEV)
	$(BIN)/python scripts/web_assets.py

screenshots: $(READY_DEV) peers
	$(BIN)/python -m tests.doors.web.screenshots

lock: $(READY_DEV)
	for set in runtime build dev bench fuzz; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	    $$(case $$set in runtime) echo --extra desk pyproject.toml;; bench|fuzz) echo --extra $$set -c requirements/dev.txt pyproject.toml;;\
	      *) echo --extra $$set pyproject.toml;; esac) \
	    -o requirements/$$set.txt || exit 1; \
	done
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-annotate --custom-compile-command "make lock" requirements/daft.in -o requirements/daft.txt

clean:
	rm -rf $(VENV) build .hypothesis .coverage*
