# `make` without a target lists the commands; the text after `##` describes each.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# Another interpreter: make PYTHON=/path/to/python3.12 test
PYTHON ?=
# make demo EMPTY=1 begins with nothing, make demo PEOPLE=1 with people too, each in a folder of its own; the same words
# after make demo-reset delete that
EMPTY ?=
PEOPLE ?=
BEGINNING = $(if $(EMPTY),--empty) $(if $(PEOPLE),--people)
# make down KEEP=1 keeps data, keys and logs
KEEP ?=
# Seconds that make audit waits until everything is decidable, and the head of the log of readings that it must hold
WAIT ?= 0
HEAD ?=
# Which measurements, and how long: make bench BENCH="P6 --bulletin 50000"
BENCH ?=
# make security RUN=yes; make advisories OSV=https://osv.example.org CACHE=folder
RUN ?=
OSV ?=
CACHE ?=
# make sbom PRODUCTION=folder SBOM=name: an environment of what runs in production and nothing else, and what to write
PRODUCTION ?= var/production
SBOM ?= sbom
LISTED = --output-reproducible --pyproject pyproject.toml --sv 1.6 --of JSON $(VALIDATED)
# Whether the lists are compared with the schema of their format
VALIDATED ?= --validate
# Words for the doctor: make doctor DOCTOR="--only mail --json"
DOCTOR ?=
# More words for pytest: make test PYTEST="-k bus"
PYTEST ?=
# --all for make test-all.
ALL ?=
# The seed that a run of make chaos has printed, to repeat it: make chaos SEED=…
SEED ?=
# make chaos-long PEOPLE=30000: how many register on each bus; how much longer the pauses between faults are (a machine half as
# quick has as many faults a person with CALM=2), and the file that keeps what came of it
CALM ?= 1
LEDGER ?= chaos-ledger.jsonl
# The commit from which make test-cluster upgrades hosts: make test-cluster FROM=4f0c2d1
FROM ?=
# For `make prose`: new promises since this commit.
SINCE ?=
# Bytecode for processes that write none themselves: without it each of them compiles every module that it imports, which
# takes 0.06 to 0.12 s of processor time at each start
PRECOMPILE := $(BIN)/python -m compileall -q -j 0 services shared deploy
# And of the tests, which each of five workers would compile for itself
PRECOMPILE_TESTS := $(PRECOMPILE) && $(BIN)/python -m tests.support.bytecode
# Of the images, and more words for docker build: IMAGE_ARGUMENTS="--build-arg BASE=registry.example.org/debian:13-slim"
VERSION := 0.1.0
VERSIONED = --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown)
IMAGE_ARGUMENTS ?=
# For $(MAKE): two targets at a time. When one fails, make waits for the other one, and begins no more
SIDE_BY_SIDE := --no-print-directory --jobs=2
# The options of pytest in both parts of make chaos, and the first part
AT_LENGTH := --chaos=full -rP --show-capture=stdout
TIMED := tests/chaos/broker tests/chaos/overload
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate \
	--python-version 3.11 --quiet pyproject.toml

.PHONY: help demo demo-check demo-reset up down audit doctor test test-all chaos chaos-timed chaos-counted chaos-long check bench specs format lock
.PHONY: docs translations security sbom advisories prose image compose test-deploy test-alerting test-cluster test-recovery
.PHONY: test-machine test-bytecode check-types check-rest

help: ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## set up and start everything on this machine with sample data (EMPTY=1: none, PEOPLE=1: and people); Ctrl-C stops it
	@$(BIN)/python -m deploy.local.demo $(BEGINNING) run

demo-check: $(VENV)/.ready ## the same automatically: one complete registration with the time of each step, then stop
	@$(BIN)/python -m deploy.local.demo check

demo-reset: $(VENV)/.ready ## delete the demo's data, so that the next `make demo` starts from the beginning
	@$(BIN)/python -m deploy.local.demo $(BEGINNING) reset

up: $(VENV)/.ready ## start the production setup on this machine: RabbitMQ, PostgreSQL, one process per role, Prometheus
	@deploy/setup/up_machine.sh
	@$(PRECOMPILE)
	@$(BIN)/python -m deploy.up up

down: $(VENV)/.ready ## stop everything in order and delete it; KEEP=1 keeps data, keys and logs
	@KEEP=$(KEEP) $(BIN)/python -m deploy.up down

audit: $(VENV)/.ready ## compare databases and broker; exit 1: broken, 3: not yet decidable. WAIT=60 waits up to 60 s
	@$(BIN)/python -m deploy.operations.audit --wait $(WAIT) $(if $(HEAD),--head $(HEAD))

doctor: $(VENV)/.ready ## grade this host and what `make up` runs on it, with a remedy in each line; exit 1: warnings, 2: faults
	@$(BIN)/python -m deploy.operations.doctor $(DOCTOR)

test: ## install what the tests need, run make check, start private servers, run the tests, print a summary; while you work
	@$(MAKE) $(SIDE_BY_SIDE) $(VENV)/.ready-dev test-machine
	@$(MAKE) $(SIDE_BY_SIDE) $(if $(PYTEST),,check-types check-rest) test-bytecode
	@$(BIN)/python -m pytest $(ALL) $(PYTEST)

test-all: ## the same with what takes long: whole stories, faults, other buses and sizes, fuzzing, deployments, tests of the tests
	@$(MAKE) --no-print-directory test ALL=--all

test-machine:
	@deploy/setup/test_machine.sh

test-bytecode: $(VENV)/.ready-dev
	@$(PRECOMPILE_TESTS)

chaos: ## all fault tests, at length: both parts below; the second also runs if the first has failed
	@timed=0; $(MAKE) chaos-timed || timed=$$?; $(MAKE) chaos-counted; exit $$timed

chaos-timed: $(VENV)/.ready-dev ## faults of a cluster, and overload: timed tests, which need the machine for themselves
	@deploy/setup/test_machine.sh
	@$(PRECOMPILE_TESTS)
	@$(BIN)/python -m pytest $(AT_LENGTH) -n 0 $(TIMED) $(PYTEST)

chaos-counted: $(VENV)/.ready-dev ## every fail point, the fault matrix, the storm, the model; SEED=… repeats a run
	@deploy/setup/test_machine.sh
	@$(PRECOMPILE_TESTS)
	@$(BIN)/python -m pytest $(AT_LENGTH) -n 3 tests/chaos tests/integration/model $(TIMED:%=--ignore=%) --chaos-calm=$(CALM) \
		--chaos-ledger=$(LEDGER) $(if $(SEED),--chaos-seed=$(SEED)) $(PYTEST)

chaos-long: $(VENV)/.ready-dev ## register PEOPLE people under constant faults on each bus, and add a line to the ledger
	@deploy/setup/test_machine.sh
	@$(PRECOMPILE_TESTS)
	@$(BIN)/python -m pytest -n 0 -s tests/chaos/volume --chaos=full --chaos-people=$(or $(PEOPLE),30000) --chaos-calm=$(CALM) --chaos-ledger=$(LEDGER) \
		$(if $(SEED),--chaos-seed=$(SEED)) $(PYTEST)

image: ## build the images troika and troika-solver
	@docker build --quiet $(VERSIONED) $(IMAGE_ARGUMENTS) -f deploy/image/Dockerfile -t troika:$(VERSION) .
	@docker build --quiet $(VERSIONED) $(IMAGE_ARGUMENTS) --build-arg REQUIREMENTS=requirements-solver.txt \
		-f deploy/image/Dockerfile -t troika-solver:$(VERSION) .

compose: image ## start an installation with Docker Compose, by deploy/compose/.env
	@test -e deploy/compose/.env || cp deploy/compose/.env.example deploy/compose/.env
	@cd deploy/compose && docker compose up --detach --wait --remove-orphans

test-deploy: $(VENV)/.ready-dev ## build the images, start Compose, kill one container after the other; needs a Docker engine
	@deploy/setup/deploy_machine.sh
	@$(BIN)/python -m pytest -n 0 -s --deploy tests/deploy $(PYTEST)

test-alerting: $(VENV)/.ready-dev ## measure when faults page, with a real Prometheus, Alertmanager and probe; eight minutes
	@deploy/setup/alerting_machine.sh
	@$(BIN)/python -m pytest -n 0 -s --alerting tests/alerting $(PYTEST)

test-cluster: $(VENV)/.ready-dev ## take down hosts, links and servers of a cluster under load; as root. FROM=commit upgrades from that commit
	@deploy/setup/cluster_machine.sh
	@$(PRECOMPILE_TESTS)
	@$(BIN)/python -m pytest -n 0 -s --cluster $(if $(FROM),--from=$(FROM) tests/cluster/test_upgrade.py,tests/cluster) $(PYTEST)

test-recovery: $(VENV)/.ready-dev ## rehearse each recovery: databases older or lost, broker and keys lost; prints RPO and RTO
	@deploy/setup/recovery_machine.sh
	@$(BIN)/python -m pytest -n 0 --recovery tests/recovery $(PYTEST)

check: $(VENV)/.ready-dev ## format, lint, types, import rules, names, and whether the specifications are up to date
	@$(MAKE) $(SIDE_BY_SIDE) check-types check-rest

check-types: $(VENV)/.ready-dev
	@$(BIN)/mypy --no-error-summary

check-rest: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.names
	@$(BIN)/python -m deploy.specs --check
	@$(BIN)/openapi-spec-validator docs/reference/openapi-*.json >/dev/null

bench: $(VENV)/.ready-dev ## measure speed and cost against references; BENCH="P5 P8" selects; prints a table, writes bench.json
	@$(BIN)/python -m tests.benchmarks.run $(BENCH)

security: $(VENV)/.ready-dev ## print the statements about security with their tests; RUN=yes runs the tests
	@$(if $(RUN),deploy/setup/test_machine.sh)
	@$(BIN)/python -m deploy.security $(if $(RUN),--run)

sbom: $(VENV)/.ready-dev ## write sbom.json (each package of production, its licence) and sbom-hashes.json (its files): CycloneDX
	@test -x $(PRODUCTION)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(PRODUCTION)
	@$(BIN)/uv pip sync --quiet --python $(PRODUCTION) --require-hashes requirements.txt
	@$(BIN)/cyclonedx-py environment $(LISTED) -o $(SBOM).json $(PRODUCTION)
	@$(BIN)/python -W ignore -m cyclonedx_py requirements $(LISTED) -o $(SBOM)-hashes.json requirements.txt

prose: $(VENV)/.ready-dev ## print words to avoid, new sentences that promise something (SINCE=commit), and old pictures; exit 1: words
	@$(BIN)/python -m tests.prose $(if $(SINCE),--since $(SINCE))

advisories: $(VENV)/.ready-dev ## look up known vulnerabilities of our packages; needs the network. OSV=… uses another server
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.txt \
		-s osv $(if $(OSV),--osv-url $(OSV)) $(if $(CACHE),--cache-dir $(CACHE))

specs: $(VENV)/.ready ## rewrite the OpenAPI and AsyncAPI documents from the code
	@$(BIN)/python -m deploy.specs

docs: $(VENV)/.ready-dev ## build the documentation as a site in var/docs/site; fails if a link is broken
	@$(BIN)/python -m deploy.docs_site

translations: $(VENV)/.ready-dev ## update all languages from the English .po files; list what is left to translate
	@$(BIN)/python -m deploy.translations

format: $(VENV)/.ready-dev ## format the code, and fix what the linter can fix
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

lock: $(VENV)/.ready-dev ## update the requirements files after a change to pyproject.toml
	@$(COMPILE) --all-extras -o requirements.txt
	@$(COMPILE) --all-extras --group dev -c requirements.txt -o requirements-dev.txt
	@$(COMPILE) --extra tracing -c requirements.txt -o deploy/image/requirements.txt
	@$(COMPILE) --extra tracing --extra solver -c requirements.txt -o deploy/image/requirements-solver.txt
	@$(COMPILE:pyproject.toml=deploy/image/sbom.in) -c requirements-dev.txt -o deploy/image/requirements-sbom.txt

$(VENV)/.ready: requirements.txt deploy/setup/environment.sh
	@PYTHON="$(PYTHON)" deploy/setup/environment.sh $(VENV) requirements.txt
	@touch $@

$(VENV)/.ready-dev: requirements.txt requirements-dev.txt deploy/setup/environment.sh
	@PYTHON="$(PYTHON)" deploy/setup/environment.sh $(VENV) requirements-dev.txt
	@touch $(VENV)/.ready $@
