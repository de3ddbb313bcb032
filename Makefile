# `make` shows what there is. Every target works on a fresh clone and can be cut off and repeated.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements
# Tests run side by side, each worker with services of its own: 2 GB of memory for each.
WORKERS ?= 2
SOURCES := extract plugins orchestrate tests bench
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Hundreds of processes follow; without it each compiles again all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo down clean test test-long test-image test-cluster image check bi format lock \
	bench-changes bench-files bench-loaders bench-serving bench-warehouse

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(BIN)/.installed-services ## make .venv with every command of the project

demo: $(BIN)/.installed-services ## rap files to facts on this machine, in two minutes
	@$(BIN)/python -m mixtape.demo

down: $(BIN)/.installed-services ## stop what demo started; what it wrote stays
	@$(BIN)/mixtape down

clean: ## stop everything and remove all that was written (not .venv)
	@if [ -x $(BIN)/mixtape ]; then $(BIN)/mixtape down; fi
	rm -rf .mixtape .meltano transform/target transform/logs output

test: $(BIN)/.installed-dev ## the usual tests, against real services
	@$(BIN)/python -m mixtape.services.fetch
	@$(BIN)/pytest -n $(WORKERS) -m "not long and not image and not cluster" $(PYTEST_ARGS)

test-long: $(BIN)/.installed-dev ## the long property and load runs
	@$(BIN)/pytest -m long --timeout=7200 $(PYTEST_ARGS)

test-image: $(BIN)/.installed-dev ## the image that was built, in containers
	@$(BIN)/pytest -m image --timeout=1800 $(PYTEST_ARGS)

test-cluster: $(BIN)/.installed-dev ## real runs of the image on the cluster of KUBECONFIG
	@$(BIN)/pytest -m cluster --timeout=1800 $(PYTEST_ARGS)

image: ## build the image with docker, podman or buildah
	@bash orchestrate/image/build.sh $(IMAGE)

check: $(BIN)/.installed-dev ## format, lint, types, SQL, YAML, locks, generated files, audit
	@ruff format --check .
	@ruff check .
	@mypy
	@mypy tests bench
	@sqlfluff lint --disable-progress-bar transform
	@python -m mixtape.lint transform/models transform/tests
	@yamllint --strict .
	@python -m rap_model check extract/raps
	@python -m rap_model project --check
	@python -m singer_kit.plugin_definition --check
	@python -m target_cassandra.ddl --check
	@mixtape render --check
	@bash requirements/check.sh

bi: $(BIN)/.installed-services ## Superset with the dashboards, on the warehouse of this machine
	@bash transform/bi/up.sh

format: $(BIN)/.installed-dev ## let the formatters do what they can
	@ruff format .
	@ruff check --fix .
	@sqlfluff fix --disable-progress-bar transform

lock: $(BIN)/.installed-bootstrap ## resolve pyproject.toml into requirements/
	@bash requirements/lock.sh $(LOCKS)

bench-files: $(BIN)/.installed-dev ## tap-files and target-postgres beside their floors, into docs/ (an hour)
	@PYTHONPATH=bench $(BIN)/python -m files --write $(BENCH_ARGS)

bench-loaders: $(BIN)/.installed-dev ## target-postgres beside its peers, into docs/ (an hour)
	@PYTHONPATH=bench $(BIN)/python -m loaders --write $(BENCH_ARGS)

bench-changes: $(BIN)/.installed-dev ## tap-mongodb beside its peer and bare pymongo, into docs/ (an hour)
	@PYTHONPATH=bench $(BIN)/python -m changes --write $(BENCH_ARGS)

bench-serving: $(BIN)/.installed-dev ## target-cassandra beside its peers, into docs/ (an hour)
	@PYTHONPATH=bench $(BIN)/python -m serving --write $(BENCH_ARGS)

bench-warehouse: $(BIN)/.installed-dev ## what 10,000 plays more cost, at 100,000 and 10,000,000
	@$(BIN)/python bench/warehouse.py

# Installation: from the lock alone, each file hashed. A stamp is written last, so that an
# installation that was cut off is taken up again.
$(BIN)/.installed-bootstrap: $(LOCKS)/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "mixtape needs Python 3.11 or later: make PYTHON=/path/to/python3.11 …"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python has no venv here: apt-get install python3-venv"; exit 2; }
	@echo "making .venv …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(BIN)/.installed-services: $(LOCKS)/services.txt pyproject.toml | $(BIN)/.installed-bootstrap
	@echo "installing what the project runs on …"
	@uv pip sync --quiet --require-hashes $(LOCKS)/bootstrap.txt $<
	@uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/.installed-dev: $(LOCKS)/dev.txt pyproject.toml | $(BIN)/.installed-bootstrap
	@echo "installing what the tests and checks need …"
	@uv pip sync --quiet --require-hashes $<
	@uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(BIN)/.installed-services $@
