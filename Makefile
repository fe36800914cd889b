# Every target sets itself up: a virtual environment in .venv, one resolve, exact versions.
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo
DEMO_UTTERANCES ?= 300
POINTS ?= 112
SIZE ?= tiny
REPRODUCTION ?= reproduction-$(SIZE)
JOBS ?= 2
SMALL_THREADS := OMP_NUM_THREADS=1
PROCESSES ?= 2
SIDE_BY_SIDE := -n $(PROCESSES) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo reproduce test test-slow chaos lint docs drawings bench clean distclean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready  ## Make .venv with the package and every extra

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("lstdata needs Python 3.11 or later, but this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,asr,hub,s3,demo,dev]'
	$(BIN)/python -m pip check
	@touch $@

demo: setup  ## Synthesised corpus → shards → trained model → report, in demo/
	$(BIN)/lstdata demo-corpus $(DEMO)/corpus --utterances $(DEMO_UTTERANCES) --seed 0
	$(BIN)/lstdata build-shards $(DEMO)/corpus $(DEMO)/shards --config pipelines/demo.yaml
	$(BIN)/lstdata train --data $(DEMO)/shards --out $(DEMO)/run
	@echo "Look at $(DEMO)/shards/report.html"

reproduce: setup  ## The paper's comparison in small, in reproduction-tiny/: SIZE=tiny, small, 420m or 1b
	$(BIN)/lstdata reproduce $(REPRODUCTION) --size $(SIZE) --jobs $(JOBS)

test: setup  ## Everything but the tests marked slow, in two processes, or PROCESSES=n
	$(SMALL_THREADS) $(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-slow: setup  ## The tests marked slow, likewise
	$(SMALL_THREADS) $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow

chaos: setup  ## Builds that are killed at 112 points, or POINTS=n; one of them by SEED=n
	CHAOS_POINTS=$(POINTS) $(SMALL_THREADS) $(BIN)/python -m pytest tests/chaos -m chaos -vv $(if $(SEED),-k '[$(SEED)-')

lint: setup  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: setup  ## The documentation site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

drawings: demo  ## The drawings of docs/concepts.md, from the demo
	$(BIN)/python -m docs.drawings.excerpt $(DEMO)/corpus $(DEMO)/shards
	$(BIN)/python -m docs.drawings.draw

bench: setup  ## Every benchmark, one after another
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:  ## Remove what the other targets made, but not .venv
	rm -rf site $(DEMO) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

distclean: clean  ## Remove .venv too
	rm -rf .venv
