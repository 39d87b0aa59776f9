# Everything here installs what it needs, into .venv and .cache, and nowhere else.
PYTHON ?= python3
BIN := .venv/bin
EXTENSION := vscode-extension

.PHONY: demo test test-slow cases check vsix bench docs clean

demo: .venv/product
	$(BIN)/nexus-lsp demo $(if $(WORKSPACE),"$(WORKSPACE)") $(if $(REQUEST),--request "$(REQUEST)")

test: .venv/develop .cache/e2e
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal --ignore tests/e2e
	cd $(EXTENSION) && PATH="$(CURDIR)/.cache/node24/node_modules/node/bin:$$PATH" npm run --silent test
	$(BIN)/python -m pytest tests/e2e --numprocesses 2 --dist loadfile

test-slow: .venv/develop
	NEXUS_EXAMPLES=10000 NEXUS_COMMITS=400 NEXUS_RELEASES=120 $(BIN)/python -m pytest tests/review --timeout 3600 --durations 5

cases: .venv/develop
	@PYTHONPATH=.:tests $(BIN)/python -m tests.review.table

check: .venv/develop $(EXTENSION)/node_modules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	cd $(EXTENSION) && npm run --silent check

vsix: $(EXTENSION)/node_modules
	cd $(EXTENSION) && npm run --silent package
	@echo "code --install-extension $(EXTENSION)/dist/nexus-lsp.vsix"

bench: .venv/develop
	$(BIN)/python -m benchmarks

docs: .venv/develop
	$(BIN)/python -m docs.generate

clean:
	rm -rf .venv .cache .artifacts $(EXTENSION)/node_modules $(EXTENSION)/dist tests/e2e/node_modules

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/product: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/develop: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ .venv/product

.cache/e2e: tests/e2e/install.sh tests/e2e/package-lock.json $(EXTENSION)/package-lock.json
	bash tests/e2e/install.sh
	@touch $@

$(EXTENSION)/node_modules: $(EXTENSION)/package-lock.json
	cd $(EXTENSION) && npm ci --silent --no-audit --no-fund
	@touch $@
