# Gatefold's everyday commands; `make help` lists them. The build itself is CMake (CMakePresets.json).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

RELEASE := build/release
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
# A build folder that already has the tests keeps them, so that `run` and `test` in turn do not reconfigure each other.
WITHOUT_TESTS = $$(grep -qs '^GATEFOLD_TESTS:BOOL=ON' $(RELEASE)/CMakeCache.txt || echo -DGATEFOLD_TESTS=OFF)

.PHONY: help run test build claims bench install format fuzz

help: ## list these commands
	@sed -nE 's/^([a-z]+):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

run: build ## build the tool and show what it does
	@scripts/demo.sh </dev/null && echo 'run: done' || { echo 'run: FAILED' >&2; exit 1; }

test: ## build everything and run every test
	@scripts/packages.sh build test
	@scripts/build.sh release -DGATEFOLD_TESTS=ON
	@ctest --test-dir $(RELEASE) -j2 --output-on-failure --no-tests=error </dev/null \
	  && echo 'test: all passed' || { echo 'test: FAILED' >&2; exit 1; }

build: ## install missing packages and build build/release/gatefold
	@scripts/packages.sh build
	@scripts/build.sh release $(WITHOUT_TESTS) gatefold_tool

claims: ## check docs/claims.md at full size (ONLY=NAME[,NAME]: some rows)
	@scripts/packages.sh build test
	@scripts/build.sh release -DGATEFOLD_TESTS=ON
	@scripts/claims.py --build $(RELEASE) $(if $(ONLY),--only $(ONLY)) </dev/null

bench: ## build and run the benchmarks
	@scripts/packages.sh build test bench
	@scripts/build.sh release -DGATEFOLD_BENCH=ON
	@scripts/each.sh $(RELEASE)/bench </dev/null

install: ## install the tool and the library under PREFIX (default /usr/local)
	@scripts/packages.sh build
	@scripts/build.sh release $(WITHOUT_TESTS)
	@cmake --install $(RELEASE) --prefix '$(PREFIX)' >build/install.log && echo 'install: done, under $(PREFIX)'

format: ## format the C++ sources in place
	@scripts/packages.sh format
	@git ls-files -z '*.h' '*.cpp' | xargs -0 clang-format -i

fuzz: ## run every fuzz target for FUZZ_SECONDS (default 60)
	@scripts/packages.sh build fuzz
	@scripts/build.sh fuzz -DGATEFOLD_TESTS=OFF
	@scripts/each.sh build/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/ </dev/null
