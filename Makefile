# The one list of commands, for people, hooks and CI: `make help`.

PORT ?= 3000
PROFILE ?= steady
VENV ?= .venv
ARGS ?=
BACKEND ?= docker
NAME = jubako$(if $(GPU),-gpu)
LOCK = requirements-$(if $(GPU),gpu,serve).lock
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

## Use it

.PHONY: serve
serve: $(READY) ## Serve all models on PORT (3000); the first time installs and trains them
	@$(BIN)/jubako train all --missing
	@exec $(BIN)/bentoml serve --port $(PORT)

.PHONY: train
train: $(READY) ## Train every model, and make a version of each that passes its gate (ARGS="--tune 20")
	@$(BIN)/jubako train all $(ARGS)

.PHONY: promote
promote: $(READY) ## Let a version serve (VERSION=iris:20261121-061540-000400; VERSION=iris: its candidate)
	@: "$${VERSION:?say which, as VERSION=iris}"
	@$(BIN)/jubako promote $$(echo "$$VERSION" | tr : ' ')

.PHONY: load
load: $(READY) ## Run a load test with PROFILE (steady), check every answer, write a report; starts a service if none runs
	@$(BIN)/python -m jubako.load --profile $(PROFILE) $(ARGS)

.PHONY: stack
stack: $(READY) ## Start two replicas, nginx, MLflow and Prometheus together, without Docker (ARGS="--service-port 8000")
	@$(BIN)/jubako train all --missing
	@exec $(BIN)/python -m deploy.stack $(ARGS)

## Deliver it

.PHONY: build
build: $(READY) ## Build the Bento of the versions in production (GPU=1: with torch, for a GPU; CANDIDATE=iris: with its candidate)
	@$(BIN)/jubako build $(addprefix --candidate ,$(CANDIDATE)) $(if $(GPU),--bentofile deploy/gpu/bentofile.yaml) .

# The other format of podman and buildah would drop the health check.
export BUILDAH_FORMAT ?= docker

.PHONY: image
image: build ## Build it and put it into a container image (BACKEND=docker, podman or buildah; OPTIONS="--opt no-cache")
	@$(BIN)/bentoml containerize $(NAME):latest --backend $(BACKEND) --image-tag $(NAME):latest $(OPTIONS)

.PHONY: scan
scan: $(READY) ## Scan the image: secrets in any layer, packages that are not locked, too large a size
	@$(BIN)/python -m deploy.image $(NAME):latest --engine $(BACKEND) --lock $(LOCK) $(if $(GPU),--most-bytes 10000000000) $(ARGS)

.PHONY: sbom
sbom: $(READY) ## Write the bill of materials of the newest Bento, as CycloneDX, to dist/
	@$(BIN)/python -m deploy.sbom $(NAME) --output dist/$(NAME).cdx.json

.PHONY: publish
publish: ## Push the image to a registry; log in first (IMAGE=ghcr.io/somebody/jubako:v1)
	@: "$${IMAGE:?say where to, as IMAGE=ghcr.io/somebody/jubako:v1}"
	@image=$$(echo "$$IMAGE" | tr '[:upper:]' '[:lower:]') && \
		$(BACKEND) tag $(NAME):latest "$$image" && $(BACKEND) push "$$image"

.PHONY: compose
compose: image ## Start the image with nginx, MLflow, Prometheus, Grafana and Jupyter in containers
	@docker compose --file deploy/compose/compose.yaml $(if $(GPU),--file deploy/compose/gpu.yaml) up --build

.PHONY: test-container
test-container: $(READY) ## Build the image and test it as a container, with what works here (or with BACKEND=buildah)
	@$(if $(filter file,$(origin BACKEND)),,BACKEND=$(BACKEND)) $(BIN)/python -m pytest -m container -rs tests/deploy $(ARGS)

## Develop it

.PHONY: setup
setup: $(READY) ## Make the virtual environment with the locked versions; every other target does it when needed

.PHONY: test
test: $(READY) ## Run every test (ARGS="-k iris")
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: test-fast
test-fast: $(READY) ## Run the tests that neither train for real nor start servers or other slow processes
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

.PHONY: test-wheel
test-wheel: $(READY) ## Install the wheel elsewhere, make a repository with it, train, serve and build there
	@$(BIN)/python -m pytest -m outside tests/engine/scaffold $(ARGS)

.PHONY: bench
bench: $(READY) ## Measure Jubako beside its peers and the bare model (two to three hours; ARGS="--models iris")
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: $(READY) ## The same with one model in under five minutes, once the peers are installed
	@$(BIN)/python -m benchmarks --quick $(ARGS)

.PHONY: bench-guard
bench-guard: $(READY) ## A quick run that fails when Jubako became slower beside its peers
	@$(BIN)/python -m benchmarks.guard $(ARGS)

.PHONY: chaos
chaos: $(READY) ## Kill, overload, stop and mislead a running service at full size, and report the results (ARGS="--small 3 4")
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: fuzz
fuzz: $(READY) ## Send a million made-up HTTP requests to a service of three models, and check every answer (ARGS="20000 --seed 7")
	@$(BIN)/jubako train iris housing churn --missing
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: lint
lint: $(READY) ## Check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

.PHONY: format
format: $(READY) ## Format every file
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

# uv resolves, pip installs: no index and no folder of this machine is written into a lock. An image is Linux.
export UV_CUSTOM_COMPILE_COMMAND = make lock
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --constraint requirements-torch.txt
FOR_IMAGES = $(COMPILE) --python-platform linux --constraint requirements.lock \
	--extra serve --extra text --extra pictures --extra tracing

.PHONY: lock
lock: $(READY) ## Write the lock files again; UPGRADE="numpy rich" or UPGRADE=all moves versions (torch: requirements-torch.txt)
	@$(COMPILE) --universal --extra dev --no-emit-package torch --output-file requirements.lock \
		$(if $(filter all,$(UPGRADE)),--upgrade,$(addprefix --upgrade-package ,$(UPGRADE)))
	@$(FOR_IMAGES) --output-file requirements-serve.lock
	@$(FOR_IMAGES) --extra torch --output-file requirements-gpu.lock
	@{ echo "# The versions that the engine is tested with."; sed -n 's/^\([a-z0-9-]*==[^ ;]*\).*/\1/p' requirements.lock; } \
		> jubako/scaffold/templates/shop/constraints.txt.tmpl

.PHONY: dashboards
dashboards: $(READY) ## Write Grafana's dashboards again, from deploy/grafana
	@$(BIN)/python -m deploy.grafana

.PHONY: alarms
alarms: $(READY) ## Write the alarms for the Prometheus operator again, from deploy/prometheus/rules
	@$(BIN)/python -m deploy.alarms

.PHONY: audit
audit: $(READY) ## Check the locked versions for known vulnerabilities; fails when the database is unreachable
	@for file in requirements.lock requirements-torch.txt; do \
		$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement $$file || exit 1; done

.PHONY: clean
clean: ## Remove the virtual environment, caches and builds; versions and .jubako/ stay
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^## / {printf "\n%s\n", substr($$0, 4)} \
		/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Compiling everything takes half of the time, and Python compiles what is used.
PIP = $(BIN)/python -m pip install --disable-pip-version-check --no-compile --progress-bar off
PROGRESS = | awk -v total=$$(grep -c == requirements.lock) -v terminal=$$(test -t 1 && echo 1) -f .ci/progress.awk

# The stamp is written last, so an interrupted installation is done again.
$(READY): requirements.lock requirements-torch.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked versions into $(VENV) (a few minutes the first time)"
	@{ $(PIP) --require-hashes --no-deps --requirement requirements.lock 2>&1 || echo INSTALLATION FAILED; } $(PROGRESS)
	@echo "Installing torch"
	@$(PIP) --quiet --requirement requirements-torch.txt
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@python=$$(PYTHON='$(PYTHON)' .ci/find-python) && "$$python" -m venv $(VENV)
