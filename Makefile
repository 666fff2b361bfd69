# Every target is one command of .venv/bin/gatehouse or of a tool; nothing is decided here.
# Runs with GNU make 3.81 and newer.

# No tool may call home.
export DVC_NO_ANALYTICS := 1
export ITERATIVE_DO_NOT_TRACK := 1
export DO_NOT_TRACK := 1
export BENTOML_DO_NOT_TRACK := True
export ORT_DISABLE_TELEMETRY := 1

# DVC starts the stages by name, so that `gatehouse` and `python` must be those of .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

locks := $(wildcard requirements/*.txt vendor/*.whl packages/gatehouse/tests/workflows/tools/*.json) pyproject.toml scripts/install.sh
gatehouse := .venv/bin/gatehouse
pytest := .venv/bin/pytest --numprocesses auto --dist loadfile $(ARGS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run tune demo test test-library check drill image verify pages serve lock clean github-settings

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv and install what `make run` needs; EXTRAS=1: Keras, tuning, tracking as well
	@sh scripts/install.sh $(if $(EXTRAS),extras,run)

run: .venv/.installed-run ## data to verdict; DATA=adult, or a file or URL; BASE=main compares with main
	@$(gatehouse) run $(if $(DATA),--data "$(DATA)") $(if $(BASE),--base "$(BASE)")

demo: .venv/.installed-run ## play the whole loop, from training to an alarm and back, in a scratch copy
	@$(gatehouse) demo $(ARGS)

test: .venv/.installed-dev ## the tests of what you edit, in a minute; ARGS="-k stages" for some
	@$(pytest)

test-library: ## the library's own tests, in minutes; nothing where it is installed from its wheel
	@[ ! -d packages/gatehouse ] || $(MAKE) --no-print-directory -C packages/gatehouse test

check: .venv/.installed-dev ## formatting, lint, types, secrets: what a commit must pass
	@.venv/bin/pre-commit run --all-files --show-diff-on-failure

tune: .venv/.installed-extras ## look for better training settings; ARGS="--trials 100 --workers 2"
	@$(gatehouse) tune $(ARGS)

drill: .venv/.installed-run ## plant known defects and see each gate catch its own
	@$(gatehouse) drill $(ARGS)

image: .venv/.installed-release ## judge HEAD again and build its image; BASE_IMAGE=name@sha256:...
	@$(gatehouse) image build $(if $(BASE_IMAGE),--base "$(BASE_IMAGE)")

verify: .venv/.installed-run ## reproduce the recorded run and compare; or check IMAGE=name@sha256:...
	@$(gatehouse) $(if $(IMAGE),image verify "$(IMAGE)" $(if $(KEY),--key "$(KEY)") \
		$(if $(IDENTITY),--identity "$(IDENTITY)"),verify) $(ARGS)

pages: .venv/.installed-run ## make the site in reports/site/: verdicts, trends, reports, Data Docs
	@$(gatehouse) site

serve: .venv/.installed-run ## serve models/model.int8.onnx on port 3000; PORT=… (docs/serving.md)
	@exec env $(if $(PORT),GATEHOUSE_SERVE_PORT="$(PORT)") .venv/bin/python -m gatehouse.serving

lock: .venv/.installed-github ## resolve requirements/*.in again; UPGRADE=1 takes newer versions
	@sh scripts/lock.sh $(if $(UPGRADE),--upgrade)

github-settings: .venv/.installed-github ## set REPO=owner/name up on GitHub; DRY_RUN=1 only prints the calls
	@$(gatehouse) github settings "$(REPO)" $(foreach owner,$(OWNERS),--owner "$(owner)") \
		$(foreach label,$(GPU_LABELS),--gpu-label "$(label)") $(if $(APP_ID),--app-id "$(APP_ID)") \
		$(if $(MERGE_QUEUE),--merge-queue) $(if $(DRY_RUN),--dry-run)

clean: ## remove what tests and checks leave; .venv, data and models stay
	@rm -rf .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find $(wildcard src tests packages) -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed-%: $(locks)
	@sh scripts/install.sh $*
