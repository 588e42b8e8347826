# Every target makes what it needs: the environment .venv, the build in build/, its own extras.
# A second call does only what has changed. `make help` lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS   += --no-print-directory

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
WERROR ?= $(if $(CI),ON,OFF)
TORCH  ?= torch==2.13.0
VENV   := .venv
PARITY := .venv-parity
PY     := $(VENV)/bin/python
PIP     = $(PY) -m pip --disable-pip-version-check -q
# CMake and Ninja of the system where it has them, else the ones that PyPI carries.
TOOLS  := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

.PHONY: help demo demo-compare programs-env test quick bench lint format parity parity-subset asan stale checks build clean distclean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: build $(VENV)/.demo ## train a small CNN on Fashion-MNIST, with pictures in data/fashion_mnist
	@$(PY) examples/fashion_mnist/data.py || $(PIP) install $$($(PY) tools/checks/requirements.py digits)
	$(PY) examples/fashion_mnist/train.py $(DEMO_ARGS)

demo-compare: build $(PARITY)/.programs ## the demo with flambeau and with PyTorch, loss by loss
	@$(PARITY)/bin/python examples/fashion_mnist/data.py || \
	  $(PARITY)/bin/python -m pip -q install $$($(PY) tools/checks/requirements.py digits)
	$(PARITY)/bin/python examples/fashion_mnist/compare.py $(if $(DEMO_ARGS),-- $(DEMO_ARGS))

# For docs/programs.md: the environment that has flambeau, PyTorch and what the programs import.
programs-env: build $(PARITY)/.programs

test: build-all $(VENV)/.test ## the whole default test suite (Python and C++)
	@if [ -x build/flambeau_tests ]; then echo build/flambeau_tests; build/flambeau_tests; fi
	$(PY) -m pytest -n $(JOBS) $(TEST_ARGS)

quick: build $(VENV)/.test ## the gate before a commit, under a minute
	$(PY) -m pytest -n $(JOBS) -x -m 'not slow' $(TEST_ARGS)

bench: build $(PARITY)/.compiled ## flambeau and PyTorch in turn, with ratios
	$(PARITY)/bin/python -m benchmarks $(BENCH_ARGS)

parity: build $(PARITY)/.ready ## PyTorch's own operator tables against flambeau
	$(PARITY)/bin/python -m tests.parity $(PARITY_ARGS)

parity-subset: build $(PARITY)/.ready ## a part of them, for CI
	$(PARITY)/bin/python -m tests.parity --subset $(PARITY_ARGS)

lint: $(VENV)/.lint ## ruff, clang-format, mypy over the stubs
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@files=$$(git ls-files 'csrc/*.cpp' 'csrc/*.h' 'tests/cpp/*.cpp'); \
	  echo "clang-format --dry-run ($$(echo $$files | wc -w) files)"; \
	  [ -z "$$files" ] || $(VENV)/bin/clang-format --dry-run --Werror $$files
	$(VENV)/bin/mypy

format: $(VENV)/.lint ## rewrite the sources as lint wants them
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	git ls-files 'csrc/*.cpp' 'csrc/*.h' 'tests/cpp/*.cpp' | xargs -r $(VENV)/bin/clang-format -i

stale: $(VENV)/.base ## fail if a committed generated file differs from what the table gives
	$(PY) -B tools/checks/stale.py

checks: build-all ## installed size, import time and memory, kernel objects
	$(PY) -B tools/checks/footprint.py
	$(PY) -B tools/checks/kernel_objects.py build

# The sanitizer's shadow memory rules out a limit on the address space, so the size of one allocation
# is what refuses results of 2**40 elements.
ASAN_TESTS ?= tests/core tests/ops tests/nn tests/optim tests/data tests/hostile
asan: $(VENV)/.test ## C++ tests, operators, layers and hostile arguments under ASan and UBSan
	$(TOOLS) cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	  -DPython_EXECUTABLE=$(CURDIR)/$(PY) -DFLAMBEAU_TESTS=$(HAVE_CPP_TESTS) \
	  -DFLAMBEAU_SANITIZE=address,undefined -DFLAMBEAU_WERROR=OFF
	$(TOOLS) cmake --build build-asan -j $(JOBS)
	$(TOOLS) cmake --install build-asan --prefix build-asan/site >/dev/null
	if [ -x build-asan/flambeau_tests ]; then build-asan/flambeau_tests; fi
	LD_PRELOAD="$$($${CXX:-g++} -print-file-name=libasan.so) $$($${CXX:-g++} -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:max_allocation_size_mb=4096 \
	  UBSAN_OPTIONS=print_stacktrace=1 \
	  PYTHONMALLOC=malloc PYTHONPATH=$(CURDIR)/build-asan/site $(PY) -m pytest -n $(JOBS) $(ASAN_TESTS)

# ---- build ------------------------------------------------------------------------------------

HAVE_CPP_TESTS := $(if $(wildcard tests/cpp/*.cpp),ON,OFF)

build: build/build.ninja ## compile what has changed (src/flambeau/_C*.so)
	@$(TOOLS) cmake --build build -j $(JOBS) --target _C

.PHONY: build-all
build-all: build/build.ninja
	@$(TOOLS) cmake --build build -j $(JOBS)

build/build.ninja: $(VENV)/.base
	@tools/checks/compiler.sh
	$(TOOLS) cmake -S . -B build -G Ninja -DPython_EXECUTABLE=$(CURDIR)/$(PY) -DFLAMBEAU_INPLACE=ON \
	  -DFLAMBEAU_WERROR=$(WERROR) -DFLAMBEAU_TESTS=$(HAVE_CPP_TESTS)
	@touch $@

# ---- environments -----------------------------------------------------------------------------

# Python sources are used where they lie, through one .pth file; CMake puts the extension module
# beside them, so an edit needs `make build` and no pip. An editable install would put an import hook
# of its own before PYTHONPATH.
use_sources = echo '$(CURDIR)/src' > "$$($(1) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/flambeau.pth"

$(VENV)/.base: pyproject.toml
	@tools/checks/python.sh "$(PYTHON)"
	@[ -x $(PY) ] || { echo "$(PYTHON) -m venv $(VENV)"; $(PYTHON) -m venv $(VENV); }
	$(PIP) install $$($(PY) tools/checks/requirements.py)
	@command -v cmake >/dev/null || $(PIP) install 'cmake>=3.20'
	@command -v ninja >/dev/null || $(PIP) install 'ninja>=1.10'
	@$(call use_sources,$(PY))
	@touch $@

$(VENV)/.test $(VENV)/.demo $(VENV)/.lint: $(VENV)/.%: $(VENV)/.base
	$(PIP) install $$($(PY) tools/checks/requirements.py $*)
	@touch $@

$(PARITY)/.ready: $(VENV)/.base
	@[ -x $(PARITY)/bin/python ] || $(PYTHON) -m venv $(PARITY)
	$(PARITY)/bin/python -m pip --disable-pip-version-check -q install '$(TORCH)' \
	  $$($(PY) tools/checks/requirements.py) $$($(PY) tools/checks/requirements.py parity)
	@$(call use_sources,$(PARITY)/bin/python)
	@touch $@

# JAX, which the suite `compiled` times too. Without a network that suite goes on without it.
$(PARITY)/.compiled: $(PARITY)/.ready
	@$(PARITY)/bin/python -m pip --disable-pip-version-check -q install \
	  $$($(PY) tools/checks/requirements.py compiled) && touch $@ || echo 'bench: JAX is not installed'

$(PARITY)/.programs: $(PARITY)/.ready
	$(PARITY)/bin/python -m pip --disable-pip-version-check -q install \
	  $$($(PY) tools/checks/requirements.py demo programs)
	@touch $@

clean: ## remove builds
	rm -rf build build-asan dist src/flambeau/_C*.so

distclean: clean ## remove builds and environments (data sets stay)
	rm -rf $(VENV) $(PARITY) .pytest_cache .ruff_cache .mypy_cache .hypothesis
