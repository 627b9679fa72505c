# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
# Which definition `make image` builds (a host, group or pattern of images/hallmark.yml).
IMAGE ?= debian-12
# What `make test` runs, with how many workers, and further options of pytest.
TESTS ?= tests
JOBS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))
PYTEST_ARGS ?=

export PYTHON
# The user's own settings must not reach into the checkout, and Ansible refuses to run in a locale that is not UTF-8.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.collections
export LC_ALL := C.UTF-8

BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

.PHONY: help image test check lint lint-ansible lint-python lint-docs sanity unit bench docs dist lock clean ready-run ready-dev

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

image: ready-run ## build a hardened image on this machine (IMAGE=debian-12)
	$(BIN)/ansible-playbook -i images/hallmark.yml hallmark.images.build --limit '$(IMAGE)'

test: ready-dev ## run every test (TESTS=tests/unit, PYTEST_ARGS=..., JOBS=2)
	@mkdir -p build
	$(PYTEST) --durations=25 --junitxml=build/junit.xml $(PYTEST_ARGS) $(TESTS)

check: ready-dev ## lint, ansible-test sanity and unit tests
	@$(MAKE) --no-print-directory --keep-going -j2 --output-sync=target sanity lint unit

lint: lint-ansible lint-python lint-docs ## ansible-lint, ruff, changelog and documentation of plugins

# Both start commands of Ansible by name.
lint-ansible lint-docs: export PATH := $(CURDIR)/$(BIN):$(PATH)

lint-ansible: ready-dev
	$(BIN)/ansible-lint --offline --strict

lint-python: ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lint-docs: ready-dev
	$(BIN)/antsibull-changelog lint
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs self .

sanity: ready-dev ## ansible-test sanity on a copy of the work tree
	tools/sanity

unit: ready-dev ## unit tests only
	$(PYTEST) $(PYTEST_ARGS) tests/unit

bench: ready-dev ## run the benchmarks; results go to build/bench.json
	$(BIN)/python tools/bench.py $(BENCH)

docs: ready-dev ## write docs/controls.md anew
	$(BIN)/python tools/controls_page.py

dist: ready-run ## make the collection's tarball in dist/
	$(BIN)/ansible-galaxy collection build --force --output-path dist

lock: ## pin anew the Python packages (requirements.lock)
	tools/lock

clean: ## remove .venv, build/, dist/ and caches of tools (not the cached base images)
	rm -rf .venv build dist .cache .ansible .pytest_cache .ruff_cache tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready-run:
	@tools/system-packages run
	@tools/venv run

ready-dev:
	@tools/system-packages dev
	@tools/venv dev
