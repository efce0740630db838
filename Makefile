# Two commands are enough on a fresh machine: `make demo` and `make test`. Each does its own set-up.

PYTHON ?= python3
VENV := .venv
# Where PyPI's torch would bring gigabytes of CUDA: TORCH_FLAGS='--index-url https://download.pytorch.org/whl/cpu'
TORCH_FLAGS ?=
BIN := $(VENV)/bin
DEMO := .demo
# The twelve surgeries to be judged on are drawn from a seed nobody has used; it is printed, so that
# `make demo DEMO_SEED=...` repeats a run.
DEMO_SEED := $(or $(DEMO_SEED),$(shell date +%s))

.PHONY: setup test check check-release demo clean

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $(TORCH_FLAGS) torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[curate,train,ray,demo,dev]'
	touch $@

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Three files of tests at a time, since many tests wait; in the order of the tree, where those that take longest
# stand first, so that no process waits for the others at the end.
test: check
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Slow proofs: every command of both packages on paths, disks and installations that fail.
check-release: setup
	$(BIN)/python -m pytest --numprocesses 2 -m release

demo: setup
	DEMO=$(DEMO) SEED=$(DEMO_SEED) PATH="$(abspath $(BIN)):$$PATH" demo/run.sh

clean:
	rm -rf $(DEMO) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
