# Every target is one command of .venv/bin/gatehouse or of a tool; nothing is decided here.
# Runs with GNU make 3.81 and newer.

# No tool may call home.
export DVC_NO_ANALYTICS := 1
export ITERATIVE_DO_NOT_TRACK := 1
export DO_NOT_TRACK := 1
export BENTOML_DO_NOT_TRACK := True

# DVC starts the stages by name, so that `gatehouse` and `python` must be those of .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

locks := $(wildcard requirements/*.txt) pyproject.toml scripts/install.sh
gatehouse := .venv/bin/gatehouse

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run test check drill verify pages lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv and install what `make run` needs
	@sh scripts/install.sh run

run: .venv/.installed-run ## data to verdict; DATA=adult takes UCI Adult, BASE=main compares with main
	@$(gatehouse) run $(if $(DATA),--data "$(DATA)") $(if $(BASE),--base "$(BASE)")

test: .venv/.installed-dev ## run the tests on all cores, with coverage
	@.venv/bin/pytest --numprocesses auto --dist loadfile --cov --cov-report term $(ARGS)

check: .venv/.installed-dev ## formatting, lint, types, secrets: what a commit must pass
	@.venv/bin/pre-commit run --all-files --show-diff-on-failure

drill: .venv/.installed-run ## plant known defects and see each gate catch its own
	@$(gatehouse) drill $(ARGS)

verify: .venv/.installed-run ## reproduce the recorded run from scratch and compare
	@$(gatehouse) verify $(ARGS)

pages: .venv/.installed-run ## draw Data Docs and the drift page in reports/site/
	@$(gatehouse) report --pages $(ARGS)

lock: .venv/.installed-run ## resolve requirements/*.in again; UPGRADE=1 takes newer versions
	@sh scripts/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove what tests and checks leave; .venv, data and models stay
	@rm -rf .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed-%: $(locks)
	@sh scripts/install.sh $*
