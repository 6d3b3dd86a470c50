# NeuronHub: every target does its own set-up, on a Debian 12 with git and make, as root.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench lock clean setup packages test-packages venv base proxy ui locale bytecode

MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONPATH PYTHONDONTWRITEBYTECODE NEURONHUB_SITE

export NPM_CONFIG_UPDATE_NOTIFIER := false

NPM_CI := npm ci --no-fund --no-audit --loglevel=error
CATALOGUES := $(wildcard src/neuronhub/web/locale/*/LC_MESSAGES/*.po)
JUPYTER_CATALOGUE := src/neuronhub/web/locale/ko_KR/LC_MESSAGES/neuronhub.json
UI_SOURCES := $(wildcard ui/*.json ui/lab/*.json ui/lab/schema/*.json ui/lab/*.css) \
	src/neuronhub/web/static/css/environment-panel.css \
	$(shell find ui/clusters ui/environment ui/hub ui/job ui/lab -name '*.ts' -not -path '*/node_modules/*')

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## run a whole site here: Slurm, directory, proxy and hub (DEMO="--fresh --port 9000")
	.venv/bin/neuronhub demo $(DEMO)

test: setup test-packages ## run all tests, the browser's journeys on the embedded site included (TESTS="tests/unit -k form")
	npm --prefix ui run --silent test
	scripts/test $(TESTS)

check: packages venv ui locale ## lint, types, the rules between rooms, translations
	scripts/check

bench: setup test-packages ## measure beside batchspawner; results go to bench/output and docs (BENCH="--only one")
	.venv/bin/python -m bench $(BENCH)
	.venv/bin/python -m bench.environments
	.venv/bin/python -m bench.workbench
	.venv/bin/python -m bench.billing

lock: venv ## lock the dependencies again (LOCK=--upgrade for newer versions)
	scripts/lock $(LOCK)
	cd deploy/proxy && npm install --package-lock-only --no-fund --no-audit
	cd ui && npm install --package-lock-only --no-fund --no-audit

setup: packages venv proxy ui locale base bytecode

packages:
	@scripts/ensure-packages requirements/debian-demo.txt

test-packages:
	@scripts/ensure-packages requirements/debian-test.txt

venv: packages
	@scripts/ensure-venv

# The hub of the embedded site cannot write it: it runs from this checkout as another user.
bytecode: venv
	@.venv/bin/python -m compileall -q src/neuronhub

# The wheel in it has what the others build.
base: venv ui locale
	@scripts/ensure-base

proxy: deploy/proxy/node_modules/.package-lock.json

deploy/proxy/node_modules/.package-lock.json: deploy/proxy/package-lock.json | venv
	cd deploy/proxy && $(NPM_CI)

ui: ui/node_modules/.built

ui/node_modules/.package-lock.json: ui/package-lock.json | venv
	cd ui && $(NPM_CI)

ui/node_modules/.built: ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd ui && npm run --silent build
	@touch $@

locale: $(CATALOGUES:.po=.mo) $(JUPYTER_CATALOGUE)

%.mo: %.po | venv
	.venv/bin/python scripts/translations compile

$(JUPYTER_CATALOGUE): src/neuronhub/web/locale/ko/LC_MESSAGES/neuronhub.po | venv
	.venv/bin/python scripts/translations compile

clean: ## remove what was built and installed here; Debian packages and the embedded site's state stay
	rm -rf .venv .bases .channel build dist ui/build ui/lab/build ui/node_modules deploy/proxy/node_modules
	rm -rf src/neuronhub/web/static/js src/neuronhub/web/locale/ko_KR src/neuronhub/workbench/labextension
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache tests/output bench/output
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +
	find src -name '*.mo' -delete
