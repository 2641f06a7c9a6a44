# Every target does its own set-up. `make help` lists them.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
SERVICES := deploy/dev/services

.PHONY: help demo test bench soak lint fmt ui services-up services-down services-status openapi clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: ## Show the whole loop on a web shop with real faults (ONCE=1: one fault, then exit)
	deploy/dev/demo.sh

test: ## Set up everything and run every test
	deploy/dev/test.sh

bench: ## Run the benchmarks and print their ratios
	deploy/dev/bench.sh

soak: ## The kill test at full size: 10,000 runs and 2,000 kills (RUNS, KILLS, LEASE, SEED change that)
	deploy/dev/soak.sh

lint: ## Formatting, clippy, eslint and types; cargo-deny and typos where installed
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	cd frontend && npm ci --no-audit --no-fund && npm run lint && npm run typecheck
	if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: skipped"; fi
	if command -v typos >/dev/null; then typos; else echo "typos is not installed: skipped"; fi

fmt: ## Format Rust and the front end
	$(CARGO) fmt --all
	cd frontend && npm run format --if-present

ui: ## Build the web UI into frontend/dist
	deploy/dev/ui.sh

services-up: ## Start Prometheus, Elasticsearch, PostgreSQL, Redis and Alertmanager
	$(SERVICES) up

services-down: ## Stop what services-up started
	$(SERVICES) down

services-status: ## Say what runs
	$(SERVICES) status

openapi: ## Write api/openapi.json from the code
	$(CARGO) run --locked --bin aiops -- openapi > api/openapi.json

clean: ## Remove builds; services and their data stay
	$(CARGO) clean
	rm -rf frontend/dist frontend/node_modules
