# The door of the project: `make help` says what there is. Long work is cached by content under
# $CAPSTAN_CACHE (default ~/.cache/capstan) and never built twice.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
SANDBOX := sandbox/sandbox
export CAPSTAN_CACHE ?= $(HOME)/.cache/capstan
# A clean clone compiles its own crates again, not the four hundred below them.
export CARGO_TARGET_DIR ?= $(CAPSTAN_CACHE)/target

.PHONY: help demo recording test test-full check sandbox sandbox-test test-kill bench bench-scale sandbox-down docs reference

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## from nothing to what works today, on a cloud on this machine
	@tests/demo

test: ## set up all that is needed and run every test, fast ones first
	@tests/run all

test-full: ## the same, and the stories that take longer (half an hour more)
	@tests/run full

check: ## formatting, lints with warnings denied, unit tests: no sandbox needed
	@tests/run check

sandbox: ## start the cloud on this machine
	@$(SANDBOX) up

sandbox-down: ## stop it and leave nothing behind
	@$(SANDBOX) down

test-kill: ## SIGKILL at ten calls of each flow; writes its table into the book (an hour and more)
	@tests/run kill

bench: ## a cluster by Capstan against bare Cluster API, side by side (three pairs: half an hour)
	@tests/run bench

bench-scale: ## the controller with 10, 100 and 1,000 clusters; writes its table into the book (half an hour)
	@tests/run scale

sandbox-test: ## the tests of the sandbox itself
	@tests/run sandbox

recording: ## record the demo for the README (a warm cache; needs npm)
	@tests/record

docs: ## the book, into docs/book
	@command -v mdbook > /dev/null || cargo install --locked mdbook
	mdbook build docs

reference: ## write the generated parts of the docs anew
	cargo run -q -p capstan-cli -- reference --write docs/src/reference
