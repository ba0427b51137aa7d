# The two commands of a newcomer: make run, make test. Everything they need is installed by docker/install-deps.sh.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help deps build run test test-peers reload-test crash check-long bench fuzz docs format clean asan tsan

help:            ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

deps:            ## install what building needs
	@docker/install-deps.sh build

build/%/build.ninja: CMakePresets.json
	@cmake --preset $* > /dev/null

build: deps build/release/build.ninja ## release build: build/release/logboom
	@cmake --build build/release --target logboom

run: build       ## start on the shipped pipelines, show parsed sample events, then serve (ONCE=1: end after the sample)
	@config/run-sample.sh $(if $(ONCE),once)

test:            ## install what tests need, build everything, run every test
	@docker/install-deps.sh test
	@tests/run-all.sh

test-peers: build ## real clients deliver N events each (default 20000): nothing lost, nothing doubled
	@docker/install-deps.sh peers
	@tests/peers/run.py -n $(or $(N),20000)

reload-test: build ## 200 live connections through 100 reloads: nothing dropped, lost or doubled
	@tests/reload/reload.py

crash: build     ## the three proofs of the persisted queue, in minutes: kill -9, power cuts, damaged files
	@docker/install-deps.sh test
	@tests/crash/run.sh

check-long:      ## the long forms: sanitizers over the whole tree, fuzzing, shuffled repeats
	@docker/install-deps.sh test
	@tests/run-long.sh

asan: ## every unit test under gcc's AddressSanitizer and UBSan
	@docker/install-deps.sh test
	@cmake --preset asan > /dev/null && cmake --build build/asan && ctest --test-dir build/asan --output-on-failure -j2

tsan: ## the threaded tests under clang's ThreadSanitizer
	@docker/install-deps.sh test
	@cmake --preset tsan > /dev/null && cmake --build build/tsan && ctest --test-dir build/tsan --output-on-failure -L threads

fuzz:            ## fuzz every target for FUZZ_SECONDS (default 60)
	@docker/install-deps.sh test
	@tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60)

bench:           ## micro-benchmarks and the side-by-side run; writes docs/performance.md
	@docker/install-deps.sh bench
	@tests/bench/run-all.sh

docs: build      ## write the generated reference pages
	@build/release/logboom --docs.write-reference docs/reference

format:          ## format all C++ with clang-format
	@git ls-files '*.h' '*.cc' | xargs clang-format-14 -i

clean:           ## remove build directories
	@rm -rf build
