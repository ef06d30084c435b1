# Everything a developer does, from a clean clone: 'make run', 'make test'. PYTHON chooses the interpreter.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM
# Each process of a run would otherwise compile everything anew, where an image says so for its own sake.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test check bench long mutants lock clean browser

help:
	@echo "make run    serve the fictional demo clinic at http://localhost:8000"
	@echo "make test   all checks, then all tests, on SQLite and PostgreSQL"
	@echo "make check  style, types, layers, migrations"
	@echo "make bench  the benchmarks, as ratios"
	@echo "make long   all tests and what takes long: years of a clinic, every table and matrix of cases whole"
	@echo "make mutants  400 seeded faults in the rules, of which the tests must see 99 in 100"
	@echo "make lock   write the lock files anew from pyproject.toml"
	@echo "make clean  remove everything that can be made again, but not data/"

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not; say 'make PYTHON=/path/to/python3.11 ...'" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/python requirements.lock pyproject.toml
	@echo "Installing what the service needs"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/python requirements-dev.lock pyproject.toml
	@echo "Installing what the service and its tests need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch .venv/run $@

# What the pages load is built once, with npm: the machine's own, or one that pip brings.
.venv/assets: .venv/run frontend/package-lock.json frontend/build.mjs $(shell find frontend -name '*.scss' -not -path '*/node_modules/*')
	@echo "Building what the pages load"
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements-node.lock
	@cd frontend && PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --omit=optional --silent && PATH="$$PATH:$(CURDIR)/$(BIN)" npm run --silent build
	@touch $@

run: .venv/run .venv/assets
	$(BIN)/surveillance demo --if-empty
	$(BIN)/surveillance serve

# Whoever ends first takes work from the others: the tests of one file, which share what they set up, stay together.
WORKERS := -n 2 --dist worksteal

test: check browser .venv/assets
	$(BIN)/python -m pytest $(WORKERS)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	  && export SURVEILLANCE_DATABASE_URL="sqlite:///$$folder/check.sqlite3" \
	  && $(BIN)/alembic upgrade head && $(BIN)/alembic check

browser:
	@test -x "$(CHROMIUM)" || echo "No browser at $(CHROMIUM): its tests will fail; 'apt-get install chromium', or set CHROMIUM"

bench: .venv/dev
	$(BIN)/python -m pytest tests/benchmarks -p no:xdist -q -s

long: browser .venv/dev .venv/assets
	$(BIN)/python -m pytest $(WORKERS) -m "long or not long" --every-row --durations=10

mutants: .venv/dev
	$(BIN)/python tests/mutation/run.py

LOCK = --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --upgrade --quiet

lock:
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	  && $(PYTHON) -m venv "$$folder" && "$$folder/bin/pip" install --quiet uv \
	  && "$$folder/bin/uv" pip compile pyproject.toml --group build $(LOCK) -o requirements.lock \
	  && "$$folder/bin/uv" pip compile --group pyproject.toml:node $(LOCK) -o requirements-node.lock \
  && "$$folder/bin/uv" pip compile pyproject.toml --group build --group dev -c requirements.lock $(LOCK) -o requirements-dev.lock

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
