# The commands of this project. `make demo` and `make test` set up what they need.
PYTHON ?= python3
# Another folder for another Python: make test VENV=.venv-3.12 PYTHON=python3.12
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Of a virtual environment whose interpreter was removed nothing is ready.
BROKEN := $(shell [ ! -e $(READY) ] || $(BIN)/python -c '' 2>/dev/null || rm -f $(READY))
TRIED := $(shell sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml)

# What starts no process, needs neither a browser nor PostgreSQL, and is not slow.
QUICK := not (process or browser or postgres or slow)

# Many tests wait for processes of their own, so that one worker more than cores keeps these busy.
TEST_WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) + 1 )))

# With it set, every process would compile everything anew: starts take two to three times as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := test
.PHONY: help setup demo dev generate_from_template test quick test_on other_pythons check format lint types layers tests shorter_form scale screenshots browser postgres other_versions lock clean

help: ## Show this list
	@grep -hE '^[a-z_]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z_]+):.*## /\1\t/' | expand -t 24

setup: $(READY) ## Make .venv with what the lock file names; does nothing when nothing changed
ifeq ($(origin PYTHON),command line)
	@ask='import sys; print("%d.%d" % sys.version_info[:2])'; \
		own=$$($(BIN)/python -c "$$ask") && asked=$$($(PYTHON) -c "$$ask") && [ "$$own" = "$$asked" ] || \
		{ echo "$(VENV) is Python $$own, not $(PYTHON); for both, say VENV=.venv-$$asked too"; exit 1; }
endif

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		case " $(TRIED) " in *" $$version "*) ;; *) \
		echo "Python $$version has not been tried with this release (tried: $(TRIED)); going on with it";; esac
	@echo "setting up $(VENV) (about a minute the first time)"
	@clear=$$($(BIN)/python -c '' 2>/dev/null || echo --clear); $(PYTHON) -m venv $$clear $(VENV) || \
		{ echo "could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: setup ## Run the main job on the sandbox providers
	@$(BIN)/zebbra demo

dev: setup ## OAuth service, sandbox and Dagster UI together; Ctrl-C ends all
	@$(BIN)/zebbra dev

generate_from_template: setup ## New plugin: INTEGRATION=<Name> API_TYPE=accounting|payroll [EXTERNAL=1]
	@$(BIN)/zebbra new "$(INTEGRATION)" --api-type "$(API_TYPE)" $(if $(EXTERNAL),--external)
	@$(if $(EXTERNAL),,$(MAKE) --no-print-directory setup)

test: setup lint types layers tests ## All checks and tests

check: lint types layers ## The checks alone

quick: setup ## Tests without processes, browser and PostgreSQL; about a minute
	@$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile -m "$(QUICK)"

test_on: ## Quick tests and a few whole ones on another Python: PYTHON=python3.12; in .venv-3.12
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
		$(MAKE) --no-print-directory shorter_form VENV=.venv-$$version PYTHON=$(PYTHON)

shorter_form: setup
	@$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile -m "every_python or $(QUICK)"

other_pythons: setup ## test_on for each other Python that was tried and that is found here
	@$(BIN)/python -m scripts.pythons --own $(BIN)/python $(if $(REPORT),--report $(REPORT))

format: setup ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

lint: setup
	@echo "== format and lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup
	@echo "== types"
	@$(BIN)/mypy

layers: setup
	@echo "== layers"
	@$(BIN)/lint-imports

tests: setup browser postgres other_versions
	@echo "== tests"
	@$(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile

scale: setup ## 2,000 workspaces through everything, about 25 minutes; SCALE="--workspaces 200 ..."
	@$(BIN)/python -m benchmarks.scale $(SCALE)

screenshots: setup browser ## The README's pictures of Dagster's UI, taken by clicking; about 2 minutes
	@$(BIN)/python -m scripts.pictures

browser:
	@sh scripts/ensure_browser.sh

postgres:
	@sh scripts/ensure_postgres.sh

other_versions: setup
	@sh scripts/ensure_packages.sh $(VENV) ducklake
	@sh scripts/ensure_packages.sh $(VENV) oldest_dagster

lock: setup ## Renew the lock files from pyproject.toml and scripts/*.in (needs uv)
	uv pip compile --quiet pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --output-file requirements.lock
	for name in ducklake oldest_dagster; do \
		uv pip compile --quiet --no-deps scripts/$$name.in --universal --python-version 3.11 \
			--generate-hashes --no-header --output-file scripts/$$name.lock; done

clean: ## Remove .venv, those of other Pythons and all caches; keeps .zebbra
	rm -rf $(VENV) .venv-3.* build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
