# SPDX-License-Identifier: Apache-2.0
#
# The door to the house. Meson does the work, in one directory below $(BUILD) for
# each way of building.

BUILD ?= build
PREFIX ?= /usr/local
SECONDS ?= 60
CC ?= cc
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup build run check test asan tsan bench contexts fuzz fmt lint install clean

help: ## this list
	@echo 'make TARGET'
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what is missing to build, test, measure and fuzz (Debian; as root)
	@tools/setup.sh build check fuzz bench

build: ## the library and the tool, in $(BUILD)/release
	@tools/setup.sh build
	@tools/build.sh $(BUILD)/release --buildtype=release -Doptimization=2 -Db_lto=true \
		--prefix=$(PREFIX) -Dtests=false -Dexamples=false

run: build ## start a service, show a first reply, and say what to try
	@tools/run.sh $(BUILD)/release/src/cli/beam

check: ## the tests: builds with gcc and clang, layers, symbols, format, all suites
	@tools/setup.sh build check
	@tools/check.sh $(BUILD)

test: ## only the tests, quickly: make test ARGS='--suite unit', ARGS=link-url
	@tools/build.sh $(BUILD)/gcc
	@meson test -C $(BUILD)/gcc --no-rebuild --print-errorlogs $(ARGS)

asan: ## the suites with the address and undefined sanitizers
	@tools/setup.sh build check
	@tools/check-sanitized.sh $(BUILD)/asan address,undefined $(ARGS)

tsan: ## the suites with the thread sanitizer
	@tools/setup.sh build check
	@tools/check-sanitized.sh $(BUILD)/tsan thread $(ARGS)

bench: ## the table of numbers, beside ZeroMQ, nng, nanomsg, hiredis and Go where installed
	@tools/setup.sh build bench
	@tools/build.sh $(BUILD)/bench --buildtype=release -Doptimization=2 -Db_lto=true \
		-Dtests=false -Dexamples=false -Dbench=true
	@ninja -C $(BUILD)/bench --quiet bench-programs
	@$(BUILD)/bench/bench/beam-bench $(ARGS)

contexts: ## the same for contexts, beside redis-server
	@tools/setup.sh build bench
	@tools/build.sh $(BUILD)/bench --buildtype=release -Doptimization=2 -Db_lto=true \
		-Dtests=false -Dexamples=false -Dbench=true
	@bench/contexts.py $(BUILD)/bench/src/cli/beam $(ARGS)

fuzz: ## each fuzz target for SECONDS (60), from the corpus in fuzz/corpus
	@tools/setup.sh build fuzz
	@tools/fuzz.sh $(BUILD)/fuzz $(SECONDS) $(ARGS)

fmt: ## format the C sources
	@tools/setup.sh check
	@tools/format.sh --write

lint: ## format, layers and symbols, without running the tests
	@tools/setup.sh build check
	@tools/format.sh
	@tools/check-layers.sh
	@tools/build.sh $(BUILD)/gcc
	@tools/check-symbols.sh $(BUILD)/gcc/libbeam.so

install: build ## into PREFIX (/usr/local), below DESTDIR if that is set
	@meson install -C $(BUILD)/release --no-rebuild

clean: ## remove $(BUILD)
	rm -rf $(BUILD)
