# Every target sets up what it needs: a virtual environment from the hashed requirements.
# --no-deps everywhere, because the requirements files are complete: nothing else is installed.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
BIN := $(VENV)/bin

INSTALL := pip install --quiet --disable-pip-version-check --no-deps --require-hashes

.DEFAULT_GOAL := help
.PHONY: help install install-dev install-triton demo test ui bench lock screenshots clean

help:
	@echo "make install  what the others install first"
	@echo "make demo   embed the sample Wikipedia, then search it"
	@echo "make ui     serve the Dagster UI on the same instance; OPEN=1 opens it in a browser"
	@echo "make test   formatter check, linter, type checker, tests"
	@echo "make install-dev      Dagster's command dg: dg dev, dg launch"
	@echo "make install-triton   for the tests of the GPU kernels, on Linux; takes a gigabyte"
	@echo "make bench  our speed beside others', as ratios"
	@echo "make screenshots      those of the README, after make demo; needs a Chromium"
	@echo "make lock   pin the newest releases that pyproject.toml allows"

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# The stamps are newer than what they were made from for as long as the environment is up to date.
$(VENV)/run.stamp: requirements/run.txt requirements/data.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/$(INSTALL) -r requirements/run.txt
	$(BIN)/$(INSTALL) --only-binary=:all: -r requirements/data.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/wiki-embeddings install
	touch $@

# Dagster's command `dg`, for development: dg dev, dg launch, dg list defs.
$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	$(BIN)/$(INSTALL) -r requirements/dev.txt
	touch $@

# The engine cuda is tested on the processor, with PyTorch's CPU build: never the CUDA build, which
# is gigabytes. A PyTorch that is here already stays.
$(VENV)/test.stamp: requirements/test.txt $(VENV)/run.stamp
	$(BIN)/$(INSTALL) -r requirements/test.txt
	@$(BIN)/python -c "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)" \
	|| $(BIN)/pip install --quiet --disable-pip-version-check "torch==2.13.0+cpu" 2>/dev/null \
	|| echo "PyTorch's CPU build was not found (PIP_EXTRA_INDEX_URL can name its index): the tests of" \
	   "the engine cuda are left out."
	touch $@

# Triton interprets the kernels of the engine cuda on machines without a GPU.
$(VENV)/triton.stamp: requirements/gpu-tests.txt $(VENV)/test.stamp
	$(BIN)/$(INSTALL) -r requirements/gpu-tests.txt
	touch $@

install: $(VENV)/run.stamp

install-dev: $(VENV)/dev.stamp

install-triton: $(VENV)/triton.stamp

demo: install
	$(BIN)/wiki-embeddings run --wiki sample
	$(BIN)/wiki-embeddings search --count 2 "How much sunlight does fresh snow reflect?"
	@echo "Next:"
	@echo "  make ui OPEN=1    the run, the assets, their checks and lineage, in a browser"
	@echo "  $(BIN)/wiki-embeddings search \"Who killed Hector at Troy?\""
	@echo "  $(BIN)/wiki-embeddings run --wiki simple --fraction 0.01    1 % of Simple English"
	@echo "  README.md    other Wikipedias, publishing, Modal"

ui: install
	$(BIN)/wiki-embeddings ui $(if $(OPEN),--open)

screenshots: $(VENV)/test.stamp
	$(BIN)/python -m docs.screenshots

test: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(BIN)/python -c "import importlib.util as u, sys; sys.exit(u.find_spec('triton') is None)" \
	|| echo "Triton is not installed (make install-triton does that): the tests of the kernels of the" \
	   "engine cuda are left out."
	@# Hundreds of processes import these; where Python may not write, each would compile them again.
	$(BIN)/python -m compileall -q wiki_embeddings wiki_embeddings_tests
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# The peers that we are measured beside need PyTorch. Only its CPU build is taken, which has a
# local version label; where pip does not find it, name PyTorch's CPU index in PIP_EXTRA_INDEX_URL.
$(BENCH)/stamp: requirements/bench.txt requirements/data.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/$(INSTALL) -r requirements/bench.txt
	$(BENCH)/bin/$(INSTALL) --only-binary=:all: -r requirements/data.txt
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check "torch==2.13.0+cpu"
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

bench: $(BENCH)/stamp
	$(BENCH)/bin/python -m benchmarks.chunking
	$(BENCH)/bin/python -m benchmarks.encoders

# One resolution for every platform and Python version; hashes, but no download addresses. uv only
# resolves here, pip installs. PyTorch is left out of the benchmarks' file (see above).
LOCK := .venv-lock
COMPILE_ANY = $(LOCK)/bin/uv pip compile --quiet --upgrade --python-version 3.11 \
	--generate-hashes --no-annotate --no-header
COMPILE = $(COMPILE_ANY) --universal
COMPILE_GPU = $(COMPILE_ANY) --python-platform x86_64-manylinux_2_28  # Modal's GPU machines

lock:
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/pip install --quiet --disable-pip-version-check "uv==0.13.9"
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra postgres -c requirements/run.txt -o requirements/deploy.txt
	$(COMPILE) --group cloud -c requirements/run.txt -o requirements/cloud.txt
	$(COMPILE_GPU) --group gpu -c requirements/run.txt -o requirements/gpu.txt
	$(COMPILE) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE_GPU) --group gpu-tests -o requirements/gpu-tests.txt
	$(COMPILE) pyproject.toml --group test -c requirements/run.txt -o requirements/test.txt
	echo "torch ; python_version < '0'" > $(LOCK)/without-torch.txt
	$(COMPILE) pyproject.toml --group bench -c requirements/run.txt \
		--override $(LOCK)/without-torch.txt -o requirements/bench.txt
	$(COMPILE) --no-deps requirements/data.in -o requirements/data.txt

clean:
	rm -rf $(VENV) $(BENCH) $(LOCK)
