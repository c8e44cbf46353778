# Every command that people and CI run. `make` alone lists them.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
ARGS ?=

# The first Python that is new enough; name another with `make setup PYTHON=/path/to/python`.
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	if $$each $(IS_NEW_ENOUGH) 2>/dev/null; then echo $$each; break; fi; done)

# What a machine's pip settings may cap or redirect, the lock file decides here.
PIP := env -u PYTHONPATH -u PIP_TARGET -u PIP_PREFIX PIP_USER=0 PIP_CONSTRAINT=/dev/null PIP_NO_INPUT=1 \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --progress-bar off

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-header --no-emit-index-url pyproject.toml

.PHONY: help setup demo test check bench bench-api bench-lookups bench-runs image-check soak openapi lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## set everything up: environment, pinned packages, compiled kernels

demo: $(READY) ## match a real city and leave the service running; ARGS=--once ends it instead
	@$(BIN)/python -m matcher.cli.main demo $(ARGS)

test: $(READY) ## run the tests; ARGS="-k words" runs some of them
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY) ## format, lint, types, layers and the committed openapi.yaml
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m matcher.cli.main openapi check

bench: $(READY) ## compare with peers on the sizes of docs/matching.md, printing ratios
	@$(BIN)/python -m benchmarks $(ARGS)

bench-api: $(READY) ## compare calls with the least that the same stack does, printing ratios; ARGS="S get" chooses
	@$(BIN)/python -m benchmarks.api $(ARGS)

bench-runs: $(READY) ## measure a run over a stored city, stage by stage; ARGS=L takes the large one
	@$(BIN)/python -m benchmarks.runs $(ARGS)

bench-lookups: $(READY) ## measure candidates and opportunities over a stored city, with the plans; ARGS=M takes a smaller one
	@$(BIN)/python -m benchmarks.lookups $(ARGS)

image-check: $(INSTALLED) ## build the container image and run it; as root, with buildah, runc and debootstrap
	@PYTHONPATH=tests $(BIN)/python -m container.check

soak: $(READY) ## race for places and live through histories of offers at length; SOAK=45 multiplies what the tests do
	@SOAK=$(or $(SOAK),45) $(BIN)/python -m pytest --timeout 3600 tests/services/test_offer_races.py \
		tests/services/test_offer_histories.py $(ARGS)

openapi: $(READY) ## write openapi.yaml anew
	@$(BIN)/python -m matcher.cli.main openapi write

lock: $(INSTALLED) ## refresh both lock files; ARGS=--upgrade takes the newest versions
	@$(PIP) 'uv==0.13.9'
	@$(LOCK) --extra build --extra test --output-file requirements-test.lock $(ARGS)
	@$(LOCK) --extra build --constraint requirements-test.lock --output-file requirements.lock $(ARGS)

clean: ## remove the environment, caches and what the demo wrote
	rm -rf $(VENV) .cache .hypothesis .ruff_cache .import_linter_cache build dist var
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(INSTALLED): requirements-test.lock pyproject.toml
	@$(or $(PYTHON),false) $(IS_NEW_ENOUGH) || { \
		echo 'matcher needs Python 3.11 or newer: install one, or name it: make PYTHON=/path/to/python' >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) || { \
		rm -rf $(VENV); echo 'No environment could be made: on Debian and Ubuntu, install python3-venv.' >&2; exit 1; }
	@echo 'Installing the pinned packages into $(VENV) (once) …'
	@$(PIP) --require-hashes --only-binary :all: --requirement requirements-test.lock
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(READY): $(INSTALLED) $(wildcard src/matcher/matching/kernels/*.py)
	@echo 'Compiling the kernels (once, about a minute) …'
	@$(BIN)/python -m matcher.cli.main warm
	@touch $@
