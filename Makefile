# `make run` trades on paper; `make test` checks everything. Both install what they need first: see `make help`.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEVLOCK := deploy/requirements-dev.lock

# What the caller's shell adds to Python must not leak in.
unexport PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# driftpy's own requirements contradict the overrides, hence --no-deps; the lock is complete.
PIP := $(BIN)/python -m pip install --quiet --no-input --no-deps

.DEFAULT_GOAL := help
.PHONY: help run install optional test check torture bench lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

# exec: the daemon itself gets Ctrl-C, with no shell in between that would die first.
run: $(STAMP) ## trade on paper in the synthetic market, one minute a second
	@exec $(BIN)/drift-e3 run --speed 60

install: $(STAMP) ## make .venv with everything in it, from the lock
	@:

optional: $(STAMP) ## add what benchmarks compare with and marked tests drive (vectorbt, a small model, a browser)
	@$(PIP) --require-hashes --only-binary :all: -r deploy/requirements-optional.lock

$(STAMP): pyproject.toml $(DEVLOCK) | $(BIN)/python
	@echo "install: $(VENV) from the lock; about a minute the first time"
	@$(PIP) --require-hashes --only-binary :all: -r $(DEVLOCK)
	@$(PIP) --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q drift_e3
	@touch $@

# The first interpreter that starts (a shim may not) and is a supported release. Debian splits venv from python3.
$(BIN)/python:
	@set -eu; \
	for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 none); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then break; fi; \
	  python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "install: needs Python 3.11, 3.12 or 3.13 and found none; say where it is: make install PYTHON=..." >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	  sudo=; if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	  echo "install: $$python has no venv; asking apt for $$package"; \
	  $$sudo apt-get install -y "$$package" >/dev/null 2>&1 \
	    || { $$sudo apt-get update >/dev/null && $$sudo apt-get install -y "$$package" >/dev/null; } \
	    || { echo "install: that failed; as root, run: apt-get install $$package" >&2; exit 1; }; \
	fi; \
	"$$python" -m venv --clear $(VENV)

test: check ## check, then the tests, then the coverage floors
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --cov --cov-report=
	$(BIN)/python -m coverage report --include='drift_e3/core/*' --fail-under=100
	$(BIN)/python -m coverage report --omit='drift_e3/core/*' --fail-under=90

check: $(STAMP) ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

torture: $(STAMP) ## the long tests: kills, floods, soaks
	$(BIN)/python -m pytest -m torture

bench: optional ## how fast the pieces are, on this machine
	$(BIN)/python -m tests.bench

# Universal: one lock for every supported Python. Headers and index addresses would name the machine it was made on.
# Each takes the one before as its limits, so that the tests run on the very releases the service runs on.
UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
      --no-header --no-emit-index-url --no-emit-find-links --override deploy/overrides.txt $(UVFLAGS)

lock: | $(BIN)/python ## resolve the locks anew (UVFLAGS=--upgrade lifts every release)
	@$(PIP) uv
	$(UV) --extra alerts --output-file deploy/requirements.lock pyproject.toml
	$(UV) --constraint deploy/requirements.lock --all-extras --group build --output-file $(DEVLOCK) pyproject.toml
	$(UV) --constraint $(DEVLOCK) --group optional --output-file deploy/requirements-optional.lock pyproject.toml
	$(UV) --constraint $(DEVLOCK) --group build --output-file deploy/requirements-build.lock

clean: ## remove .venv and what tools left behind
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find drift_e3 tests -name __pycache__ -type d -prune -exec rm -rf {} +
