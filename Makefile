# The template's own commands; `make` alone lists them.
SHELL := /bin/bash
STUDY := template/{{cookiecutter.project_slug}}
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/notebooks
export DO_NOT_TRACK := 1
# Caches lie in build/, or cookiecutter would copy them out of the template; without bytecode, as
# some machines have it, every import takes three times as long.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/bytecode
export RUFF_CACHE_DIR := $(CURDIR)/build/ruff
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
STRIP := nbstripout --keep-id --extra-keys metadata.language_info
# What import-linter prints is read where a contract is broken, and not otherwise.
LAYERS := { lint-imports --no-logo --cache-dir build/layers > build/layers.txt || { cat build/layers.txt; false; }; }
# Two files at a time, and each file's tests one after the other: they share servers and studies.
PYTEST := -m pytest -p no:cacheprovider --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo test test-unit test-long coverage check fix lab bench readme repro lock blank wheel check-wheel
help: ## list these commands
	@grep -E '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/ready ## create the environment from requirements.lock
.venv/ready: requirements.lock pyproject.toml
	@echo "Making the environment in .venv from requirements.lock …"
	@$(PYTHON) -c "import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit('Python 3.11 to 3.13 is needed, this is %d.%d. Next: make setup PYTHON=python3.11' % v[:2])"
	@env -u PYTHONPYCACHEPREFIX $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check $$(grep -o '^uv==[0-9.]*' requirements.lock)
	@set -o pipefail; uv pip sync --python .venv/bin/python --require-hashes requirements.lock 2>&1 | grep -v '^ [-+~] '
	@uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## make a study in build/demo, run it, change a parameter, compare
	@python -m lab.demo

test: setup ## run the tests: units, bakes, and one whole life of a study
	@python $(PYTEST) -m "not long"

test-unit: setup ## run the unit tests: seconds, while you work
	@python $(PYTEST) -m "not long" tests/unit

test-long: setup ## run the long tests: thousands of hostile inputs, bit flips, plain pip
	@python $(PYTEST) -m long

coverage: export COVERAGE_FILE := $(CURDIR)/build/coverage/data
coverage: setup ## run the same tests, and list the lines of src/headrace that they do not reach
	@rm -rf build/coverage && mkdir -p build/coverage
	@coverage run $(PYTEST) -m "not long" && coverage combine --quiet && coverage report

check: setup ## lint the repository; changes nothing
	@headrace check && ruff format --check . && ruff check . && mypy && $(LAYERS) && python -m lab.house >/dev/null \
	  && $(STRIP) --verify "$(STUDY)"/notebooks/*.ipynb \
	  && zizmor --offline --quiet .github "$(STUDY)"/.github \
  && { ! command -v actionlint >/dev/null || actionlint .github/workflows/*.yml "$(STUDY)"/.github/workflows/*.yml; } \
	  || { echo "Next: make fix applies the automatic fixes; fix the rest by hand"; exit 1; }

fix: setup ## apply automatic fixes
	@headrace fix && $(STRIP) "$(STUDY)"/notebooks/*.ipynb
	@ruff check --fix-only --quiet . && ruff format .

lab: setup ## open JupyterLab on the template's own notebooks
	@headrace lab

readme: setup ## write what make bench measured into README.md and docs/
	@python -m lab.readme

repro: setup ## run the template's own study: its metrics are the template's regression test
	@headrace check repro && dvc repro && dvc metrics diff --targets metrics/*.json

bench: setup ## time a cold run of the whole study, stage by stage, with peak memory
	@python -m lab.bench

blank: setup ## write the study that start=blank begins with
	@python -m lab.blank

wheel: setup ## build the wheel into the template's vendor/ and requirements.lock
	@python -m lab.wheel

check-wheel: setup ## fail if the template's wheel does not match src/headrace
	@python -m lab.wheel --check

lock: setup ## update both requirements.lock
	@python -m lab.lock
