# The two commands of the README. Each makes its own environment first.
# On a machine without a GPU, TORCH_INDEX may name an extra package index with CPU builds.

PYTHON ?= python3
STUDY ?= mini
BIN := .venv/bin

.PHONY: paper test test-cluster environment tex check clean

paper: environment tex
	$(BIN)/snakemake all --config study=$(STUDY)

test: environment tex
	bash scripts/test.sh

test-cluster: environment
	$(BIN)/python -m pytest tests/cluster

environment:
	@PYTHON=$(PYTHON) bash scripts/environment.sh

tex:
	@bash scripts/tex.sh

check: environment
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

clean:
	rm -rf results/$(STUDY)
