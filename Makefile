# Two commands: `make run` and `make test`. Both install what they need; on Debian as root, packages too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEBIAN := nginx-light caddy chromium dnsmasq-base iputils-ping iproute2 openssl libcap2-bin util-linux \
  postgresql mariadb-server redis-server memcached etcd-server \
  strace bind9 chrony snmpd keepalived slapd dovecot-imapd dovecot-pop3d vsftpd openssh-server openssh-client \
  tgt nfs-ganesha nfs-ganesha-vfs rpcbind samba faketime
BENCH_DEBIAN := prometheus-blackbox-exporter wrk nginx-light

.PHONY: venv dev run test check bench soak docs lock clean

venv: $(VENV)/.run            ## .venv with the locked runtime, and .venv/bin/threenines
	$(compiled)
dev: $(VENV)/.dev             ## the same with the tools for tests
	$(compiled)

run: venv                     ## the hub on checks.yaml
	$(BIN)/threenines run checks.yaml

# Where Python may not write byte code, every verb would compile all that it imports, each time anew.
compiled = @$(BIN)/python -m compileall -qq watch statuspage || true

$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.x"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "The module venv is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run: $(VENV)/.uv requirements/run.txt pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/build.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

define install_debian
	@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q "ok installed" || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing$$missing"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "The tests need these Debian packages:$$missing"; exit 1; fi; fi
endef

test: dev                     ## lint, types, layers and the whole suite
	$(call install_debian,$(DEBIAN))
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n 4

check: dev                    ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: dev                    ## what a check costs, kind by kind and beside blackbox_exporter
	$(call install_debian,$(BENCH_DEBIAN) $(DEBIAN))
	$(BIN)/python -m bench

soak: dev                     ## kills, power cuts and full disks, many of what the tests try some of
	$(call install_debian,$(DEBIAN))
	$(BIN)/python -m bench.soak

docs: venv                    ## docs/reference from the docstrings
	$(BIN)/python -m docs.build

LOCK = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11
lock: $(VENV)/.uv             ## renew the hash locks
	$(LOCK) --extra speed pyproject.toml -o requirements/run.txt
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements/dev.txt
	printf 'hatchling>=1.27\neditables\n' | $(LOCK) - -o requirements/build.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
