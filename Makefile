# The two commands of the README: `make demo` and `make test`. Everything else is an npm script.
# KEEP=1 make demo leaves the server running.

.PHONY: demo test build deps clean

demo: build
	node tools/demo.mjs $(if $(KEEP),--keep)

test: build
	npm run --silent test

build: node_modules/.turno-installed
	npm run --silent build

# Installed again when the lock file or a native source is newer; npm also builds addon and cell.
node_modules/.turno-installed: package-lock.json binding.gyp $(wildcard native/*.h native/addon/* native/cell/*)
	@echo "turno: installing packages and building the native parts (npm ci)"
	npm ci --no-fund --no-audit
	@touch $@

# What Debian and Ubuntu lack beside Node: compilers, make, Python. Says what it installs; needs root or sudo.
deps:
	@sh tools/install-deps.sh

clean:
	rm -rf dist .build build .tap node_modules
