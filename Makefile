# Two commands do everything on a fresh machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

# glibc gives large blocks back to the system after every batch; keeping them makes training up to 1.8 times faster.
export MALLOC_MMAP_THRESHOLD_ = 4294967296
export MALLOC_TRIM_THRESHOLD_ = 8589934592
export MALLOC_TOP_PAD_ = 268435456

.PHONY: setup demo test test-ui test-cluster check lint types audit fuzz torture docs bench peers interop clean

setup: .venv/.installed

# What locked.txt lists comes in by hash; then torch, in whatever build is at hand, and posegrid itself.
.venv/.installed: pyproject.toml constraints.txt locked.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --no-deps --requirement locked.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/demo.sh

# Compiled modules are kept even where the machine says not to: the tests start many interpreters.
test: export PYTHONDONTWRITEBYTECODE =
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder --durations 10

# The app and the pages in Debian's Chromium (apt-get install chromium); pictures, times in runs/ui.
test-ui: .venv/.ui
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests_browser --numprocesses 2 --dist loadfile

# Workers of a Ray cluster on this machine, one of them killed.
test-cluster: .venv/.cluster
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/datasets/test_parallel.py

.venv/.cluster: .venv/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[cluster]"
	touch $@

.venv/.ui: .venv/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[ui]"
	touch $@

check: lint types audit

# Known holes in the pinned versions, where the registry answers.
audit: setup
	$(BIN)/python scripts/audit.py

# Damaged files for every reader, guided by coverage (Linux); docs/reliability.md says what was tried.
fuzz: .venv/.fuzz
	OMP_NUM_THREADS=1 $(BIN)/python scripts/fuzz.py --inputs 100000

.venv/.fuzz: .venv/.installed
	$(BIN)/pip install --quiet "atheris>=3"
	touch $@

# Every command killed at random moments; under an hour on two cores.
torture: setup
	$(BIN)/python scripts/torture.py --tries 20

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/pyright
	$(BIN)/pyright --project examples
	$(BIN)/mypy --strict --follow-imports silent examples

# The documentation as a site, in site/index.html.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

.venv/.docs: .venv/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

bench: setup
	for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

# MediaPipe Pose for benchmarks/predict.py, which needs old versions of what posegrid uses.
peers: .venv-peers/.installed

.venv-peers/.installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --requirement $<
	touch $@

# What other programs read from the files of posegrid; those that cannot be installed are left out.
INTEROP ?= node_modules blender opensim

interop: setup $(addprefix .interop/,$(INTEROP))
	$(BIN)/python scripts/interop/compare.py

.interop/node_modules:
	-npm install --silent --prefix .interop three@0.187

.interop/blender:
	-$(PYTHON) -m venv $@ && $@/bin/pip install --quiet bpy==5.0.1

.interop/opensim:
	-$(PYTHON) -m venv $@ && $@/bin/pip install --quiet opensim==4.6

clean:
	rm -rf .venv .venv-peers .interop build dist site *.egg-info .pytest_cache .ruff_cache data/demo runs/demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
