# The one door: a person and CI use the same targets. Needs Python 3.11+, git and make.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
FLAGS ?=
# pip compiles on one core; a file that is no Python of this version is not ours to mend; libraries' own tests, a fifth, are never loaded
COMPILE := @$(BIN)/python -m compileall -qq -j 0 -x /tests/ $(VENV)/lib || true

.PHONY: setup setup-dev demo test check format bench soak docs schemas screenshots lock clean

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Podium needs Python 3.11 or newer with its venv module: install it, or say make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	@test -f $(VENV)/.ready-dev || echo "Installing podium[pod,hub]: about 240 MB to download, 950 MB on disk, once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(COMPILE)
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@echo "Installing what the tests need: about 100 MB more."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements-dev.lock
	$(COMPILE)
	@touch $@

demo: setup ## hub, Prefect and two pods on real data
	@$(BIN)/podium demo $(FLAGS)

check: setup-dev ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# bytecode is kept whatever the environment says: some hundreds of processes would compile Podium anew
test: setup-dev ## everything that CI runs
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder -m "not soak" $(FLAGS)

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev ## measure, and rewrite benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

soak: setup-dev ## long crash and load matrices
	$(BIN)/python -m pytest -m soak tests

docs: setup-dev ## check that the documents say what the code does
	$(BIN)/python -m pytest tests/docs

schemas: setup-dev ## write the JSON Schemas of the pod file and the ask file again
	$(BIN)/podium pod check --schema > docs/reference/pod-file.schema.json
	$(BIN)/podium ask --schema > docs/reference/ask-file.schema.json

screenshots: setup-dev ## take the pictures in docs/images again
	PYTHONPATH=tests/e2e $(BIN)/python tests/browser/screenshots.py

lock: setup-dev ## resolve again; no index lines, so that no registry is named
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--extra pod --extra hub pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--extra pod --extra hub --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
