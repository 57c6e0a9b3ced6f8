# Everything a developer or CI runs is a target here. `make` prints them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TOOL := go tool -modfile=$(CURDIR)/tools/go.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
POSTGRES := $(CURDIR)/build/postgres
FUZZTIME ?= 20s
MODELTIME ?= 10m
MODELSEED ?= 0

# Inputs of the frontend's build: it is built again when one of them is newer than the last one.
FRONTEND_SOURCES := $(shell find frontend/src frontend/scripts -type f 2>/dev/null) \
	$(wildcard frontend/*.json frontend/*.ts frontend/*.mjs)

.PHONY: help
help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup build ## set up, build and serve http://localhost:8002
	@exec build/bin/backend serve

.PHONY: setup
setup: ## install what running needs (bubblewrap, PostgreSQL's programs)
	@scripts/setup.sh run

.PHONY: setup-test
setup-test: ## install what testing needs besides (a browser)
	@scripts/setup.sh test

.PHONY: setup-bench
setup-bench: ## install what benchmarks are compared with besides (OpenSSH)
	@scripts/setup.sh bench

.PHONY: build
build: build/frontend.stamp ## build/bin/backend and build/bin/agent
	@mkdir -p build/bin
	@echo "building the agent and the backend"
	@$(GO_BUILD) -o build/bin/ ./cmd/agent ./cmd/backend

frontend/node_modules/.stamp: frontend/package.json frontend/package-lock.json
	@echo "installing the frontend's packages"
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

build/frontend.stamp: frontend/node_modules/.stamp $(FRONTEND_SOURCES)
	@echo "building the frontend"
	@cd frontend && npm run --silent build
	@mkdir -p build && rm -rf backend/web/dist && cp -r frontend/out backend/web/dist && touch backend/web/dist/.gitkeep
	@touch $@

e2e/node_modules/.stamp: e2e/package.json e2e/package-lock.json
	@echo "installing the end-to-end tests' packages"
	@cd e2e && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: test
test: setup setup-test build test-go test-frontend e2e ## set up and pass every test

.PHONY: test-go
test-go: setup-test build e2e/node_modules/.stamp ## Go's tests with the race detector
	go test -race -shuffle=on -timeout 10m ./...

.PHONY: test-frontend
test-frontend: frontend/node_modules/.stamp ## the frontend's unit tests
	cd frontend && npm test --silent

.PHONY: e2e
e2e: e2e-browser ## the whole product in a real browser, and on a real Kubernetes where this machine can run one
	@lacks=$$(scripts/cluster-lacks.sh); \
	if [ -z "$$lacks" ]; then $(MAKE) e2e-cluster; \
	else echo "NOT RUN: the tests on a cluster (make e2e-cluster). They need: $$lacks."; fi

.PHONY: e2e-browser
e2e-browser: setup-test build e2e/node_modules/.stamp ## the whole product in a real browser
	cd e2e && npx tsc --noEmit && npx playwright test

CLUSTER_DIR := $(CURDIR)/build/cluster
CLUSTER := $(CLUSTER_DIR)/bin/cluster
CLUSTER_GO := CGO_ENABLED=0 nice go build -C e2e/cluster -trimpath
KUBERNETES_VERSION := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2; exit}' e2e/cluster/go.mod)

.PHONY: setup-cluster
setup-cluster: ## install what a cluster on this machine needs (containerd, runc, buildah)
	@scripts/setup.sh cluster

# Some eight minutes on two cores, once.
$(CLUSTER_DIR)/bin/kubernetes: e2e/cluster/go.mod e2e/cluster/kubernetes/main.go
	@echo "building Kubernetes $(KUBERNETES_VERSION); this takes minutes, once"
	@mkdir -p $(@D)
	@$(CLUSTER_GO) -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$(KUBERNETES_VERSION) -X k8s.io/client-go/pkg/version.gitVersion=$(KUBERNETES_VERSION)" -o $@ ./kubernetes
	@touch $@

# A module of its own; some two minutes, once.
$(CLUSTER_DIR)/bin/metrics-server: e2e/cluster/metrics/go.mod e2e/cluster/metrics/main.go
	@echo "building metrics-server"
	@mkdir -p $(@D)
	@CGO_ENABLED=0 nice go build -C e2e/cluster/metrics -trimpath -ldflags "-s -w" -o $@ .
	@touch $@

# One at a time, whoever calls: who comes second finds what the first one built.
ALONE := mkdir -p $(CURDIR)/build && flock $(CURDIR)/build/cluster.lock

.PHONY: cluster-build
cluster-build:
	@$(ALONE) $(MAKE) cluster-programs

.PHONY: cluster-programs
cluster-programs: $(CLUSTER_DIR)/bin/kubernetes $(CLUSTER_DIR)/bin/metrics-server
	@$(CLUSTER_GO) -ldflags "-s -w" -o $(CLUSTER_DIR)/bin/ . ./pause ./provisioner

.PHONY: cluster-up
cluster-up: setup-cluster cluster-build ## a real Kubernetes on this machine, in its own namespaces (as root)
	@$(CLUSTER) --dir $(CLUSTER_DIR) up

.PHONY: cluster-down
cluster-down: ## stop it; nothing of it is left but its data in build/cluster
	@if [ -x $(CLUSTER) ]; then $(CLUSTER) --dir $(CLUSTER_DIR) down; fi

.PHONY: images
images: setup-cluster build/frontend.stamp ## build/images/backend.tar and code-execution.tar, without a registry
	@mkdir -p build/images/$(shell go env GOARCH)
	@$(GO_BUILD) -o build/images/$(shell go env GOARCH)/ ./cmd/agent ./cmd/backend
	@$(ALONE) images/build.sh

.PHONY: images-arm64
images-arm64: setup-cluster build/frontend.stamp ## the same for arm64 on another processor, emulated by QEMU, and what is in them tried
	@scripts/setup.sh arm64
	@mkdir -p build/images/arm64
	@GOARCH=arm64 $(GO_BUILD) -o build/images/arm64/ ./cmd/agent ./cmd/backend
	@$(ALONE) env ARCH=arm64 images/build.sh

.PHONY: cluster-load
cluster-load: images ## build the images and import them into the cluster
	@$(CLUSTER) --dir $(CLUSTER_DIR) load build/images/backend.tar build/images/code-execution.tar

.PHONY: kind
kind: build/frontend.stamp ## the product on a cluster of kind, for who has Docker
	@deploy/kind/up.sh

# Recipes below: the cluster goes with them, whatever fails. KEEP=1: it stays up.
CLUSTER_ENDS := [ -n "$(KEEP)" ] || trap '$(MAKE) cluster-down >/dev/null' EXIT
BACKEND := $(CURDIR)/build/images/$(shell go env GOARCH)/backend

.PHONY: e2e-cluster
e2e-cluster: setup-test e2e/node_modules/.stamp ## the product on a real Kubernetes: the runtime's contract, then the manifests (KEEP=1: the cluster stays up)
	@$(CLUSTER_ENDS); $(MAKE) cluster-up cluster-load; \
	export CLUSTER=$(CLUSTER) CLUSTER_DIR=$(CLUSTER_DIR) CLUSTER_KUBECONFIG=$(CLUSTER_DIR)/pki/admin.kubeconfig BACKEND=$(BACKEND); \
	go test -tags cluster -count=1 -p 1 -timeout 25m ./backend/kube ./deploy

.PHONY: bench-cluster
bench-cluster: ## starts of sessions on a real Kubernetes beside bare pods' (STARTS=10; KEEP=1 as above)
	@$(CLUSTER_ENDS); $(MAKE) cluster-up cluster-load; \
	CLUSTER_KUBECONFIG=$(CLUSTER_DIR)/pki/admin.kubeconfig go test -v -tags cluster -run='^$$' -bench=StartUp -benchtime=1x -timeout=10m ./backend/kube | grep -v level=

.PHONY: scale
scale: setup-test build/frontend.stamp ## many sessions on 1, 2 and 4 backends, a real API server and no containers (SCALE_SESSIONS=2000; KEEP=1 as above)
	@$(CLUSTER_ENDS); $(MAKE) cluster-up; \
	mkdir -p $(dir $(BACKEND)) && $(GO_BUILD) -o $(dir $(BACKEND)) ./cmd/backend; \
	CLUSTER_KUBECONFIG=$(CLUSTER_DIR)/pki/admin.kubeconfig BACKEND=$(BACKEND) \
	  go test -v -tags cluster -run='^$$' -bench=Scale -benchtime=1x -timeout=25m ./backend/kube | grep -v level=

.PHONY: race
race: ## Go's tests three times over, in other orders
	go test -race -shuffle=on -count=3 -timeout 30m ./...

.PHONY: test-model
test-model: setup-test ## random operations on files against a model, for MODELTIME (10m)
	go test -race ./backend/filesync -run='^TestModel$$' -timeout=2h -v -model.for=$(MODELTIME) -model.seed=$(MODELSEED)

.PHONY: nightly
nightly: ## what CI runs by night: the model for MODELTIME (10m), every fuzz test for a minute
	$(MAKE) test-model
	$(MAKE) fuzz FUZZTIME=1m

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (20s)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: bench-terminal
bench-terminal: setup-bench build ## the terminal beside a bare PTY and OpenSSH, turn about in one run
	go test ./cmd/backend -run='^$$' -bench=Terminal -benchtime=1x -timeout=30m | grep -v level=

.PHONY: bench-files
bench-files: setup-test build ## files beside COPY, tar and plain writes, on tmpfs, in one run
	TMPDIR=/dev/shm go test ./cmd/backend -run='^$$' -bench=Files -benchtime=1x -timeout=30m | grep -v level=

.PHONY: bench-browser
bench-browser: setup-test build e2e/node_modules/.stamp ## what pages cost in a real browser: scripts, times, frames, memory (BENCH_MINUTES=2)
	cd e2e && npx playwright test --config bench.config.ts

.PHONY: bench
bench: setup-bench build ## every benchmark; ratios against a floor of the same run
	scripts/bench.sh

.PHONY: generate
generate: ## the code that is made from proto/, and the tables of character widths from Unicode's
	cd proto && $(TOOL) buf generate
	go run ./agent/screen/gen agent/screen/width_table.go frontend/src/features/terminal/unicode-table.ts

.PHONY: fmt
fmt: ## format the Go code
	$(TOOL) golangci-lint fmt

.PHONY: lint
lint: lint-proto lint-go lint-frontend ## every linter

.PHONY: lint-go
lint-go: ## go vet and golangci-lint
	@mkdir -p backend/web/dist
	go vet ./...
	$(TOOL) golangci-lint run

.PHONY: lint-proto
lint-proto: ## buf lint, and breaking changes against main
	cd proto && $(TOOL) buf lint
	scripts/buf-breaking.sh

.PHONY: lint-frontend
lint-frontend: build/frontend.stamp e2e/node_modules/.stamp ## ESLint, tsc, and what pages load first against its budget
	cd frontend && npm run --silent lint && npm run --silent typecheck && npm run --silent size
	cd e2e && npx tsc --noEmit

.PHONY: vuln
vuln: ## known vulnerabilities; needs the network
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...

.PHONY: check
check: lint check-generated test ## everything that CI checks

.PHONY: check-generated
check-generated: generate ## generated code is what the sources make, and go.mod is tidy
	go mod tidy -diff
	git diff --exit-code -- proto/gen agent/screen/width_table.go frontend/src/features/terminal/unicode-table.ts

.PHONY: migration
migration: ## a new migration: make migration name=add_things
	@test -n "$(name)" || { echo "usage: make migration name=add_things" >&2; exit 1; }
	@n=$$(printf '%04d' $$(( 10#$$(ls migrations/*.sql | tail -n 1 | xargs basename | cut -d_ -f1) + 1 ))); \
	printf -- '-- +goose Up\n\n-- +goose Down\n' > "migrations/$${n}_$(name).sql"; echo "migrations/$${n}_$(name).sql"

.PHONY: clean
clean: ## delete what was built; users' data is elsewhere and stays
	rm -rf build frontend/out frontend/.next frontend/node_modules e2e/node_modules e2e/results
	find backend/web/dist -mindepth 1 ! -name .gitkeep -delete
