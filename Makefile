# The words of this project. Everything they need, they install or start themselves; see README.md.
PYTHON ?= python3
PORT ?= 8000
ARGS ?=
EMAIL ?= operator@retainer.example
.DEFAULT_GOAL := help
.PHONY: help up demo demo-down test bench check fmt shell password code migration messages lock

help:  ## list the words
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

up:  ## the portal on this machine, in the foreground (PORT=8000); Ctrl-C stops it, data stays in var/
	@$(PYTHON) -m portal.up up --port $(PORT)

demo:  ## the portal with a sample client and real Debian hosts (root), or this machine read-only (anybody)
	@$(PYTHON) -m portal.up demo --port $(PORT)

demo-down:  ## remove everything that make demo put on this machine
	@$(PYTHON) -m portal.up demo-down

test:  ## install what the tests need and run them all; ARGS="-k name" runs some
	@$(PYTHON) -m portal.up test $(ARGS)

bench:  ## measure what has to be fast, and print it (benchmarks/)
	@$(PYTHON) -m portal.up bench

check:  ## linters, types, contracts, migrations, deployment settings
	@$(PYTHON) -m portal.up check

fmt:  ## format Python and templates
	@$(PYTHON) -m portal.up env
	@.venv/bin/ruff check --fix-only -q . ; .venv/bin/ruff format -q .

shell:  ## a Django shell against the running portal
	@$(PYTHON) -m portal.up env
	@.venv/bin/python -m portal.up.local_manage shell

password:  ## a new password for somebody, printed once: make password EMAIL=operator@retainer.example
	@.venv/bin/python -m portal.up.local_manage set_password $(EMAIL)

code:  ## the code that an account's authenticator app shows now: make code EMAIL=operator@retainer.example
	@.venv/bin/python -m portal.up.local_manage code $(EMAIL)

migration:  ## write migrations: make migration NAME=add_what
	@.venv/bin/python -m portal.up.local_manage makemigrations -n $(NAME)

messages:  ## gather what pages say for translation, and compile it
	@$(PYTHON) -m portal.up env
	@DJANGO_SETTINGS_MODULE=portal.settings .venv/bin/python -m portal.up.messages

lock:  ## resolve the lock files again
	@.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  --group pyproject.toml:embedded --extra keepass pyproject.toml -o requirements.lock
	@.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  --group pyproject.toml:embedded --group pyproject.toml:dev --extra keepass pyproject.toml -c requirements.lock -o requirements-dev.lock
