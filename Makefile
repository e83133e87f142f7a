# Everything a user or developer types. `make` alone lists the targets.
PYTHON ?= python3
PORT ?= 5000
BASE ?= main
SEEDS ?= 1,2,3,4,5
JOBS ?= 2
export BASE SEEDS JOBS
# Two workers, each with whole files, those that take long first.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
READY := .venv/.ready

# The stages call `python`: the environment's comes first, as if it were activated.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
# DVC runs the stages in it: a shell that reads its user's settings, as fish does, may put another Python first.
export SHELL := /bin/sh

.DEFAULT_GOAL := help
.PHONY: help setup repro review preview publish tradeoff seeds study check test coverage faults lint audit verify ui track bench notebook lock browser

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# By what the lock says, not by when it was written: a checkout of Git's changes the times of files.
ifneq ($(shell cmp -s requirements.lock $(READY) || echo other),)
.PHONY: $(READY)
endif
$(READY):
	@tools/setup.sh "$(PYTHON)"

setup: $(READY) ## Create .venv with the locked packages

repro: $(READY) ## Run the pipeline: whatever is out of date, and nothing else
	@tools/repro.sh

# Exits with 2 if dvc.lock is out of sync ("Error 3" above) or there is no review ("Error 1"): make knows no other.
review: $(READY) ## Say as Markdown what this branch changed (BASE=main), and whether dvc.lock is in sync
	@$(BIN)/python src/review.py "$$BASE"

preview: $(READY) ## Make the report of the committed code on the embedded faces, in short: report-orl.html
	@tools/preview.sh

publish: $(READY) ## Copy the committed results' report to examples/report.html, which GitHub publishes as a page
	@$(BIN)/dvc checkout --quiet stages/analyze/report.html || { echo "make repro makes the report first" >&2; exit 1; }
	@cp stages/analyze/report.html examples/

tradeoff: $(READY) ## Draw what sparsity costs and buys over the trainings in MLflow: tradeoff.png
	@$(BIN)/python src/tradeoff.py

seeds: $(READY) ## Run the pipeline with each of SEEDS=1,2,3,4,5 and write the claims' table: seeds.md
	@tools/seeds.sh

study: $(READY) ## Renew examples/study.md and its figure: terms, L1, top-k, other methods; in half an hour on two cores
	@$(BIN)/dvc repro fetch
	@$(BIN)/python tools/study.py

check: $(READY) ## Run the fast tests: the library's, package by package, and the examples in its docstrings
	@$(BIN)/python -m pytest $(TWO) tests/unit src/sparsefaces

test: $(READY) ## Run all tests, two files at a time, with real DVC, servers and a browser
	@$(BIN)/python -m pytest $(TWO)

coverage: $(READY) ## Run the tests and say what they do not reach
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(TWO)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

faults: $(READY) ## Break whole pipelines at 200 random moments (FAULTS=200 FAULTS_SEED=0)
	@FAULTS=$${FAULTS:-200} $(BIN)/python -m pytest -n 2 -o faulthandler_timeout=1200 tests/faults

lint: $(READY) ## Run all hooks of .pre-commit-config.yaml on all files: style, types, imports, parameters, dvc.lock
	@$(BIN)/pre-commit run --all-files
	@$(BIN)/pre-commit run --all-files --hook-stage pre-push

audit: ## Ask PyPI for known vulnerabilities in the locked packages; needs pipx
	@pipx run pip-audit --requirement requirements.lock --no-deps --disable-pip

verify: $(READY) ## Train on LFW if need be, then compare with the exercise's table row by row
	@$(BIN)/dvc repro fetch train_dense train_sparse
	@$(BIN)/python -m pytest tests/committed/test_exercise_table.py

ui: $(READY) ## Open MLflow's UI on the project's runs (PORT=5000)
	@$(BIN)/python src/ui.py "$(PORT)"

track: $(READY) ## Send MLflow any results it lacks
	@$(BIN)/python src/track.py

bench: $(READY) ## Time a training step beside a floor, the plain autograd loop and JAX
	@$(BIN)/python tools/bench.py

notebook: $(READY) ## Execute examples/exercise.ipynb again
	@$(BIN)/jupyter execute --inplace examples/exercise.ipynb

lock: $(READY) ## Renew requirements.lock from the ranges in pyproject.toml
	@tools/lock.sh

browser: $(READY) ## Install a browser for the tests of pages, if there is none
	@$(BIN)/playwright install chromium
