# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything that these targets need is installed into this directory: .venv, .cache and .collections.
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$python && break; done)
ARGS ?=

COLLECTION := .collections/ansible_collections/exasol_community/network
OLDEST_AND_NEWEST := 3.6 3.13
PROVIDERS := firewalld ufw nftables iptables
LAB := tests/labs/lab.yml

PARTS := lint docs-check docs-site sanity consumers units integration containers
# Those that run at the same time, because each of them waits often or uses a single processor. CHECKS measure no time.
CHECKS := lint docs-check docs-site sanity
QUICK := units consumers
CONTAINERS := firewall molecule-ci fresh
# What WITHOUT leaves of some of them.
chosen = $(filter-out $(WITHOUT),$(1))
side_by_side = @MAKE="$(MAKE)" tools/side_by_side.sh $(call chosen,$(1))
WITHOUT ?=

SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=8 --dist=loadfile
# Each with a lab of its own. In the order of their names the files end at about the same time in both.
LABS_AT_ONCE := --numprocesses=2 --dist=loadfile --no-loadscope-reorder
# They wait more than they compute: four at a time are right for two processors too.
UNITS_AT_ONCE := --numprocesses=4 --dist=loadfile

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.collections
# Ansible starts with UTF-8 only, and a fresh machine often has no locale set.
export LC_ALL := C.UTF-8
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Many containers and CI machines set these. With the first, a module that comes through a pipe is read byte by byte, which is
# 3 of the 14 s of a processor that site.yml then needs. With the second, each process compiles what it imports: pytest needs
# 12 s instead of 5 s to find the unit tests.
unexport PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE

RESULTS := .cache/results
REPORT = --junitxml=$(RESULTS)/$@.xml

# Tests also run as other users, who write what they have run. A process that was killed leaves a file that cannot be read.
no_coverage = @rm -rf .cache/coverage && mkdir -p .cache/coverage && chmod 1777 .cache/coverage

# What Ansible makes of the collection is kept for its next run, of which a scenario has a dozen.
molecule molecule-ci: export PYTHONPATH := $(CURDIR)/tests/labs/namespaces/compiled
molecule molecule-ci: export EXANET_COMPILED := $(CURDIR)/.cache/compiled

.PHONY: help site test beside-checks tests-in-turn beside-containers integration-in-turn patient-checks patient-quick checks quick lint sanity units compat compat-run compat-ci compat-list consumers integration firewall containers fresh fresh-whole skipped no-results molecule molecule-ci lab lab-down docs docs-check docs-site build changelog bench coverage coverage-whole mutants clean
.NOTPARALLEL:

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

site: .venv/site  ## run site.yml on this machine only; ARGS="-i inventory" for your own hosts
	ansible-playbook site.yml $(ARGS)

test: no-results beside-checks skipped  ## all checks and tests; WITHOUT="lint containers" leaves some of them out

no-results:
	@rm -rf $(RESULTS)

skipped:  # report which parts were left out and which tests skipped, and what they need
	@$(if $(WITHOUT),echo "Left out: $(WITHOUT).")
	@"$(PYTHON)" tools/skipped.py $(RESULTS)

# Containers boot and wait for half of their time, and would be the last to end. Unit tests compute in what they leave. Their priority is only a little
# lower, because their commands have a limit of time.
beside-containers: .venv/test
	$(call side_by_side,containers patient-quick)

# What integration measures wants a processor as soon as a packet comes, so no other tests run beside it.
integration-in-turn: .venv/test
	$(call side_by_side,integration)

tests-in-turn: beside-containers integration-in-turn

# Whenever all tests wait, checks compute.
beside-checks: .venv/test
	$(call side_by_side,tests-in-turn patient-checks)

patient-checks: .venv/test
	@nice -n 19 "$(MAKE)" --no-print-directory checks

patient-quick: .venv/test
	@nice -n 5 "$(MAKE)" --no-print-directory quick

checks: .venv/test
	$(call side_by_side,$(CHECKS))

quick: .venv/test
	$(call side_by_side,$(QUICK))

containers: .venv/test  ## firewall, molecule-ci and fresh at the same time
	$(call side_by_side,$(CONTAINERS))

lint: .venv/test  ## style, types, playbooks and roles, documentation, changelog, workflows
	ruff check
	ruff format --check
	mypy
	codespell
	ansible-lint --offline
	antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self .
	antsibull-changelog lint
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	zizmor --offline --quiet .github
	reuse lint --quiet || reuse lint --lines

sanity: .venv/test  ## ansible-test sanity, without a container engine
	tools/ansible_test.sh sanity

units: .venv/test  ## unit tests; those of managed nodes on their oldest and newest Python too, unless it is the one of .venv
	@for version in $(filter-out $(shell .venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'),$(OLDEST_AND_NEWEST)); do \
		tools/units.sh $$version || exit; done
	python -m pytest tests/unit $(UNITS_AT_ONCE) $(REPORT) $(ARGS)

compat: compat-run  ## test every ansible-core and Python of this machine, then write README's table; ARGS="-s compat-2.16-py3.10"
	python tools/versions_doc.py --collect $(wildcard .cache/versions/compat-*.xml)

compat-run: .venv/nox
	PATH="$$(python tools/pythons.py)" nox $(or $(ARGS),--tags compat ansible-test)

compat-ci: .venv/nox  ## the same on the oldest and the newest ansible-core only
	PATH="$$(python tools/pythons.py)" nox --tags oldest-and-newest $(ARGS)

compat-list: .venv/nox
	@nox --list --json $(ARGS) | python -c 'import json, sys; print(json.dumps([one["session"] for one in json.load(sys.stdin)]))'

consumers: .venv/test  ## tests of reports with browsers, CI servers, cloud modules and Aerleon, if they are installed
	python -m pytest tests/consumers $(REPORT) $(ARGS)

integration: .venv/test  ## tests on loopback and, as root, in network namespaces
	python -m pytest tests/integration $(SIDE_BY_SIDE) $(REPORT) $(ARGS)

firewall: .venv/test  ## tests of firewalls with real traffic; as root, in containers that boot systemd
	python -m pytest tests/firewall $(LABS_AT_ONCE) $(REPORT) $(ARGS)

# Without loadgroup xdist gives four machines to two of the processes, two of them one after the other to each. The report in the
# older format says how many seconds of a processor each machine needed.
fresh: .venv/test  ## README's two commands on fresh machines, with the tests that can differ between machines; as root, in containers
	python -m pytest tests/fresh/test_fresh.py --numprocesses=4 --dist=loadgroup -o junit_family=xunit1 $(REPORT) $(ARGS)

fresh-whole: .venv/test  ## the same with all tests, which is no part of make test
	python -m pytest tests/fresh/test_whole.py --numprocesses=4 --dist=loadgroup -o junit_family=xunit1 $(REPORT) $(ARGS)

molecule: .venv/test  ## all Molecule scenarios; as root, in containers; ARGS="-s ufw" for one of them
	@mkdir -p $$EXANET_COMPILED; test -n "$(ARGS)" || python tests/labs images
	COLUMNS=160 molecule test $(or $(ARGS),--all)

molecule-ci: .venv/test  ## the default scenario and one for each firewall; skipped without root or a container engine
	@python tests/labs require || { echo "The scenarios are skipped."; exit 0; }; mkdir -p $$EXANET_COMPILED; \
	for scenario in default $(PROVIDERS); do COLUMNS=160 molecule test -s $$scenario || exit; done

lab: .venv/test  ## start a small site of containers and leave it running; as root
	@python tests/labs up --lab $(LAB)
	@python tests/labs tour --lab $(LAB)

lab-down: .venv/test  ## remove that site
	@python tests/labs down --lab $(LAB)

docs: .venv/site  ## generate docs/ports.md, docs/causes.md, docs/reference.md, lists of formats, README's picture and its table of versions, and what the roles share
	python tools/ports_doc.py
	python tools/causes_doc.py
	python tools/formats_doc.py
	python tools/picture_doc.py
	python tools/roles_doc.py
	python tools/versions_doc.py

docs-check: .venv/site  ## fail if a generated file differs from its source
	python tools/ports_doc.py --check
	python tools/causes_doc.py --check
	python tools/formats_doc.py --check
	python tools/picture_doc.py --check
	python tools/roles_doc.py --check
	python tools/versions_doc.py --check

docs-site: .venv/test  ## build the documentation site without a network; warnings are errors
	python tools/docs_site.py

build: .venv/test  ## build the artefact, check its content, install it elsewhere and run it
	rm -rf .cache/dist
	ansible-galaxy collection build --output-path .cache/dist .
	EXANET_ARTEFACT=$$(echo .cache/dist/*.tar.gz) python -m pytest tests/integration/test_artefact.py $(ARGS)

changelog: .venv/test  ## write CHANGELOG.md from the fragments
	antsibull-changelog release --update-existing --refresh-fragments

bench: .venv/test  ## run the benchmarks; as root, in network namespaces and containers
	PYTHONPATH=$(CURDIR)/.collections python benchmarks/run.py $(ARGS)

coverage: .venv/coverage  ## unit tests, and the share of lines and branches that they run; its floor in pyproject.toml may only rise
	$(no_coverage)
	coverage run -m pytest tests/unit $(UNITS_AT_ONCE) $(REPORT) $(ARGS)
	coverage combine --quiet
	coverage report
	python tools/coverage_floor.py

coverage-whole: .venv/coverage  ## the same of unit and integration tests, with what Ansible and its modules run; as root
	$(no_coverage)
	coverage run -m pytest tests/unit $(UNITS_AT_ONCE) -q
	coverage run -m pytest tests/integration $(SIDE_BY_SIDE) $(REPORT) $(ARGS); ended=$$?; \
		coverage combine --quiet && rm -f .cache/coverage/data.* && coverage report --show-missing --fail-under=0 && python tools/coverage_floor.py --whole && exit $$ended

mutants: .venv/bin/pip  ## change the code that judges and that writes rules, and see that a unit test fails; ARGS=plugins/.../file.py for one file
	python tools/mutants.py $(ARGS)

clean:  ## remove everything that was installed or created here
	rm -rf .venv .cache .collections .ansible .hypothesis .*_cache report tests/output

.venv/bin/pip:
	@tools/venv.sh "$(PYTHON)" .venv

.venv/site: requirements/site.txt | .venv/bin/pip $(COLLECTION)
	@echo "Installing ansible-core into .venv"
	.venv/bin/python -m pip install -q -r $<
	@touch $@

.venv/test: requirements/test.txt .venv/site
	@echo "Installing the test tools into .venv"
	.venv/bin/python -m pip install -q -r $<
	@touch $@

.venv/coverage: requirements/coverage.txt .venv/test
	.venv/bin/python -m pip install -q -r $<
	@touch $@

.venv/nox: requirements/nox.txt | .venv/bin/pip $(COLLECTION)
	.venv/bin/python -m pip install -q -r $<
	@touch $@

$(COLLECTION):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@
