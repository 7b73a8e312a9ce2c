# depot-sim: everything a developer does. `make help` lists it.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
SERVICE := $(VENV)/.service
READY   := $(VENV)/.ready
PYOSCP  := $(VENV)/peers/pyoscp/installed.txt
WHEELS  := $(VENV)/wheels/filled.txt
PYTEST_WORKERS ?= 3
# Byte code is kept even where the environment forbids it: the tests start some 200 processes, and each would compile
# 500 modules anew.
unexport PYTHONDONTWRITEBYTECODE
ARGS    ?=

# The lock files are complete: pip installs exactly what they list and resolves nothing.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
LOCKED  := $(INSTALL) --only-binary=:all: --require-hashes

# A module's tests stay on one worker, and modules are taken in the order of tests/conftest.py: the longest first.
PYTEST  := $(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo serve up quick test coverage check part format bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(SERVICE)  ## a real-timetable depot for a day: chart, hashes, and a served run to look at
	$(BIN)/depot-sim demo $(ARGS)

serve: $(SERVICE)  ## serve the control API on http://127.0.0.1:8420
	$(BIN)/depot-sim serve $(ARGS)

up:  ## depot-sim and PostgreSQL 16 in containers; docs/containers.md has the variables
	@value() { eval "test -n \"\$$$$1\"" || grep -qs "^$$1=." .env; }; \
	needed="DEPOT_SIM_TOKENS POSTGRES_PASSWORD"; missing=""; \
	if value COMPOSE_PROFILES; then needed="$$needed STANDIN_TOKENS"; fi; \
	for name in $$needed; do value $$name || missing="$$missing $$name"; done; \
	if [ -n "$$missing" ]; then \
		echo "These variables are missing:$$missing. Set them in the environment or in .env; docs/containers.md says how." >&2; \
		exit 1; \
	fi
	docker compose up --build $(ARGS)

quick: check  ## check, then the tests of domain and application: about a minute on an idle machine
	$(PYTEST) tests/domain tests/application $(ARGS)

test: check part  ## what every commit must pass: check, then a part of each kind of test

coverage: check $(PYOSCP) $(WHEELS)  ## check, then the full set of tests with branch coverage
	$(PYTEST) --full --cov --cov-report=term:skip-covered $(ARGS)

check: $(READY)  ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

part: $(READY) $(PYOSCP) $(WHEELS)  ## the tests of `make test`, without the checks
	$(PYTEST) $(ARGS)

format: $(READY)  ## format and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## run bench/*.py; every figure is one JSON line
	@set -e; for file in bench/[a-z]*.py; do \
		module=$${file%.py}; echo "# $$module" >&2; $(BIN)/python -m $$(echo $$module | tr / .) $(ARGS); \
	done

lock:  ## pin requirements/*.in again (needs uv)
	@cd requirements && set -e; \
	compile() { \
		uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --only-binary :all: \
			--no-emit-index-url --no-header "$$1.in" -o "$$1.txt" $$2; \
	}; \
	compile dev; compile runtime "-c dev.txt"; compile build "-c dev.txt"; compile peers/pyoscp

clean:  ## remove everything that was made
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two stages in one environment: what the service needs, then the tools of tests and checks. Each marker is touched
# last, so an interrupted installation starts over; a changed lock file makes the environment anew.
# mypy and editors find `depot_sim` by the link; Python finds it by the editable installation.
$(SERVICE): requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "depot-sim needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: its ensurepip module is missing." >&2; \
		echo "On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(LOCKED) -r requirements/runtime.txt -r requirements/build.txt
	$(INSTALL) --no-build-isolation -e .
	@mkdir -p $(VENV)/import_root && ln -sfn ../.. $(VENV)/import_root/depot_sim
	@touch $@

$(READY): requirements/dev.txt $(SERVICE)
	@if [ -e $@ ]; then rm -f $@ $(SERVICE); $(MAKE) --no-print-directory $(SERVICE); fi
	$(LOCKED) -r requirements/dev.txt
	@touch $@

$(PYOSCP): $(READY) requirements/peers/pyoscp.txt
	$(BIN)/python -m tests.peers.pyoscp_environment
	@touch $@

$(WHEELS): $(READY) requirements/runtime.txt
	$(BIN)/python -m tests.packaging.wheelhouse
	@touch $@
