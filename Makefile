# One command for each thing a person does here; each sets up what it needs, once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
UV := $(PYTHON) requirements/uv.py
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" $(ARGS)
READY := .venv/.ready

.PHONY: help setup programs demo up down test cover check fix lock chaos bench pictures clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) programs ## set up Python and the lab's programs, all inside this folder

demo: setup ## run every duty in the lab and show how it ended (DUTY=backup-restore-test for one)
	.venv/bin/marias demo $(if $(DUTY),"$(DUTY)")

up: setup ## start the lab, a Prefect server and a worker, and leave them running for clicking around
	.venv/bin/marias lab up

down: $(READY) ## end what `make up` started
	.venv/bin/marias lab down

test: setup ## run every test against the lab's real servers (ARGS="-k name" for some)
	.venv/bin/python -m pytest -n 2 --dist loadscope $(ARGS)

cover: setup ## run every test and show which lines none of them reached, children of the tests too (slower)
	.venv/bin/python -m pytest $(ARGS) --cov

check: $(READY) ## lint, format, types, and who may import whom
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

fix: $(READY) ## mend what ruff can mend by itself
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: ## resolve the dependencies anew and pin them by hash (ARGS=--upgrade for newer ones)
	$(COMPILE) requirements/tools.in --output-file requirements/tools.txt
	$(COMPILE) pyproject.toml --extra embedded --group lab --group dev --output-file requirements/lock.txt

chaos: setup ## kill, cut off and restart things N times while DUTY runs (DUTY=frame N=50; DUTY=ssh-rotation N=500)
	.venv/bin/python -m tests.chaos --duty "$(or $(DUTY),frame)" --times "$(or $(N),50)"

bench: setup ## measure DUTY beside what it is held to, N rounds, on MB megabytes (DUTY=backup-restore-test N=3 MB=1000; DUTY=ssh-rotation N=3)
	.venv/bin/python -m tests.bench --duty "$(or $(DUTY),backup-restore-test)" --times "$(or $(N),3)" --mb "$(or $(MB),1000)"

pictures: setup ## make the pictures of docs/images anew, in a lab of their own
	.venv/bin/python -m tests.pictures

clean: ## delete all that was set up here (after `make down`)
	rm -rf .venv .tools .lab .chaos .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

programs:
	$(PYTHON) deployments/lab/programs.py

# The project itself is built by uv, which brings its own uv_build: nothing is fetched for it.
$(READY): requirements/lock.txt requirements/tools.txt pyproject.toml
	test -x .venv/bin/python || $(UV) venv --quiet --clear --no-project --python "$$(command -v $(PYTHON))" .venv
	export VIRTUAL_ENV="$(CURDIR)/.venv"
	$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/lock.txt # every run of a duty is a process of its own
	$(UV) pip install --quiet --no-deps --no-build-isolation --offline --editable .
	touch $@
