# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Of its own: its versions and the demo's can't be one.
AIRFLOW := .venv-airflow
SPARK := .venv-spark
# Of its own, too: half a gigabyte that nothing else has a use for.
INFRA := .venv-infra
# Files of tests, in the order that tests/conftest.py gives them; three at once on two processors, as many a test waits.
WORKERS := -n 3 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder
empty :=
space := $(empty) $(empty)
# Bytecode halves the start of every kernel. It comes with the first import, for what is imported: all of an environment is
# three hundred megabytes, and a minute of both processors.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-pythons test-spark images test-containers sbom check docs bench lab up airflow down soak drills lock clean synth deploy destroy

help: ## show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(BIN)/uv: requirements/bootstrap.txt
	@echo "== making a virtual environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/demo.stamp: requirements/demo.txt requirements/build.txt pyproject.toml $(BIN)/uv
	@echo "== installing the locked dependencies of the demo"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/demo.txt -r requirements/build.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/lab.stamp: requirements/lab.txt $(VENV)/demo.stamp
	@echo "== installing JupyterLab"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/lab.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/demo.stamp
	@echo "== installing what the tests need"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

$(AIRFLOW)/stamp: requirements/airflow.txt pyproject.toml $(BIN)/uv
	@echo "== making Airflow's virtual environment in $(AIRFLOW)"
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(AIRFLOW)
	$(BIN)/uv pip install --quiet --python $(AIRFLOW)/bin/python --require-hashes -r requirements/airflow.txt
	$(BIN)/uv pip install --quiet --python $(AIRFLOW)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(SPARK)/stamp: requirements/spark.txt pyproject.toml $(BIN)/uv
	@echo "== making Spark's virtual environment in $(SPARK)"
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SPARK)
	$(BIN)/uv pip install --quiet --python $(SPARK)/bin/python --require-hashes -r requirements/spark.txt
	$(BIN)/uv pip install --quiet --python $(SPARK)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(INFRA)/stamp: requirements/infra.txt pyproject.toml $(BIN)/uv
	@echo "== making the environment of the infrastructure in $(INFRA)"
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(INFRA)
	$(BIN)/uv pip install --quiet --python $(INFRA)/bin/python --require-hashes -r requirements/infra.txt
	$(BIN)/uv pip install --quiet --python $(INFRA)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/demo.stamp ## make .venv from the lock

demo: setup ## run the main job on real data, from landing to a report
	@echo "== running the demo"
	$(BIN)/workbench demo $(ARGS)

test: $(VENV)/dev.stamp servers ## install what the tests need and pass them
	@echo "== installing Airflow and what the infrastructure needs"; \
	$(MAKE) --no-print-directory --silent -j2 $(AIRFLOW)/stamp $(INFRA)/stamp
	@# What fails in one part is no reason not to look at the other.
	@log=$$(mktemp); trap 'rm -f $$log' EXIT; status=0; \
	echo "== running the tests, those of the local Redshift beside them"; \
	(cd containers/redshift-local && exec ../../$(BIN)/pytest -q) >$$log 2>&1 & beside=$$!; \
	scripts/tests.sh main $(WORKERS) --ignore tests/spark --ignore tests/containers/test_images.py || status=$$?; \
	wait $$beside || status=$$?; cat $$log; exit $$status

test-pythons: $(VENV)/dev.stamp servers ## pass a short test on Python 3.12 and 3.13, where they are at hand
	scripts/pythons.sh

test-spark: $(VENV)/dev.stamp $(SPARK)/stamp servers ## pass the tests of Spark; they need Java 17 or later
	@command -v java >/dev/null || [ "$$(id -u)" != 0 ] || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null; }
	$(BIN)/pytest -q tests/spark

images: ## build the images of containers/ without a docker engine, as root on Debian; some alone: IMAGES="mlflow lab"
	scripts/images.sh $(IMAGES)

test-containers: $(VENV)/dev.stamp images ## build the images, all or IMAGES, and try each for what it is there for
	$(BIN)/pytest -q tests/containers $(if $(IMAGES),-k "$(subst $(space), or ,$(strip $(IMAGES)))")

sbom: $(VENV)/dev.stamp ## write the bills of materials of the images to sbom/, as CycloneDX
	mkdir -p sbom
	for image in runner spark airflow mlflow services; do \
		$(BIN)/cyclonedx-py requirements --output-reproducible --output-file sbom/$$image.json requirements/$$image.txt; done
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file sbom/redshift-local.json containers/redshift-local/requirements.txt

.PHONY: servers
servers:
	@missing=""; \
	[ -x /usr/bin/chromium ] || missing="$$missing chromium"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$$missing postgresql postgresql-client"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "== installing from Debian:$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

check: $(VENV)/dev.stamp ## hold the code to style, types and layers, and the stages to their contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd containers/redshift-local && ../../$(BIN)/mypy && ../../$(BIN)/lint-imports
	$(BIN)/workbench check

docs: setup ## write docs/reference and dbt's descriptions from the declarations
	$(BIN)/python scripts/reference.py

bench: $(VENV)/dev.stamp $(AIRFLOW)/stamp ## measure, as ratios in one run
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/yardstick
	$(BIN)/python benchmarks/landing.py
	$(BIN)/python benchmarks/execution.py
	$(BIN)/python benchmarks/runs.py
	$(BIN)/python benchmarks/dags.py
	$(BIN)/python benchmarks/series.py
	$(BIN)/python benchmarks/fraud.py
	$(BIN)/python benchmarks/tables.py
	$(BIN)/python benchmarks/false_alerts.py

lab: $(VENV)/lab.stamp ## open JupyterLab on the tours and the stages
	$(BIN)/workbench lab

up: $(VENV)/lab.stamp ## start MLflow and JupyterLab in the background
	$(BIN)/workbench up

airflow: $(VENV)/demo.stamp $(AIRFLOW)/stamp ## start Airflow in the background
	$(BIN)/workbench up airflow

down: ## stop what runs in the background
	$(BIN)/workbench down

infra/node_modules/stamp: infra/package-lock.json
	cd infra && npm ci --no-audit --no-fund --silent
	@touch $@

ENV ?= dev
STACKS ?= --all
CDK = cd infra && JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1 node_modules/.bin/cdk

synth: $(INFRA)/stamp infra/node_modules/stamp ## write the templates of ENV=dev|staging|prod to infra/cdk.out, and check them
	$(CDK) synth --quiet -c env=$(ENV) $(CONTEXT)

deploy: $(INFRA)/stamp infra/node_modules/stamp ## deploy ENV=dev|staging|prod, or some STACKS, to the account that AWS's variables name
	$(CDK) deploy $(STACKS) -c env=$(ENV) $(CONTEXT)

destroy: $(INFRA)/stamp infra/node_modules/stamp ## delete the stacks of ENV=dev|staging|prod, with all data that isn't declared to be kept
	$(INFRA)/bin/python -m infra.empty $(ENV)
	$(CDK) destroy --all -c env=$(ENV) $(CONTEXT)

soak: $(VENV)/dev.stamp servers ## kill the worker for ten minutes, and 60 runs, and count; many random deliveries
	$(BIN)/python benchmarks/soak.py
	WORKBENCH_KILLS=60 $(BIN)/pytest -q -m soak
	WORKBENCH_SEQUENCES=200 $(BIN)/pytest -q tests/transform/test_{history,incremental}_property.py
	WORKBENCH_SEQUENCES=200 $(BIN)/pytest -q tests/etl/sending_back/test_replay_property.py
	WORKBENCH_SEQUENCES=200 $(BIN)/pytest -q tests/etl/linkage/test_incremental_linkage.py

drills: $(VENV)/dev.stamp servers ## break things on a local AWS, restore the warehouse, and say how long each takes to be whole
	$(BIN)/python benchmarks/drills --redshift

lock: $(BIN)/uv ## compile the lock files anew
	for extra in demo dev; do $(BIN)/uv pip compile -q --no-config pyproject.toml --extra $$extra --python-version 3.11 \
		--universal --generate-hashes --no-header -o requirements/$$extra.txt; done
	$(BIN)/uv pip compile -q --no-config pyproject.toml --extra demo --extra lab -c requirements/dev.txt \
		--python-version 3.11 --universal --generate-hashes --no-header -o requirements/lab.txt
	$(BIN)/uv pip compile -q --no-config pyproject.toml --extra demo --extra lab --extra local --extra redshift --extra remote --extra sources \
		-c requirements/dev.txt --python-version 3.11 --universal --generate-hashes --no-header \
		-o requirements/services.txt
	$(BIN)/uv pip compile -q --no-config pyproject.toml --extra etl --extra ml --extra redshift --extra aws --extra remote --extra sources \
		-c requirements/dev.txt --python-version 3.11 --universal --generate-hashes --no-header -o requirements/runner.txt
	$(BIN)/uv pip compile -q --no-config pyproject.toml requirements/build.in --extra spark --extra etl --extra redshift --extra aws \
		--extra remote -c requirements/dev.txt --python-version 3.11 --universal --generate-hashes --no-header \
		-o requirements/spark.txt
	$(BIN)/uv pip compile -q --no-config requirements/mlflow.in -c requirements/demo.txt -c requirements/dev.txt \
		--python-version 3.11 --universal --generate-hashes --no-header --no-annotate -o requirements/mlflow.txt
	$(BIN)/uv pip compile -q --no-config pyproject.toml requirements/build.in --extra airflow \
		--python-version 3.11 --universal --generate-hashes --no-header -o requirements/airflow.txt
	$(BIN)/uv pip compile -q --no-config pyproject.toml requirements/build.in --extra infra -c requirements/demo.txt \
		--python-version 3.11 --universal --generate-hashes --no-header -o requirements/infra.txt
	$(BIN)/uv pip compile -q --no-config requirements/build.in -c requirements/demo.txt -c requirements/dev.txt \
		--python-version 3.11 --universal --generate-hashes --no-header --no-annotate -o requirements/build.txt
	cd containers/redshift-local && ../../$(BIN)/uv pip compile -q --no-config pyproject.toml \
		-c ../../requirements/dev.txt --python-version 3.11 --universal --generate-hashes --no-header --no-annotate \
		-o requirements.txt
	$(BIN)/python scripts/environment.py

clean: ## remove the virtual environment and all local state
	rm -rf $(VENV) .venv-* .workbench .images sbom
