# The two commands of the README: `make demo` and `make test`. Everything else is an npm script.
# KEEP=1 make demo leaves the server running.

.PHONY: demo test test-cgroup2 build deps clean

demo: build
	node tools/demo.mjs $(if $(KEEP),--keep)

test: build
	npm run --silent test

build: node_modules/.turno-installed
	npm run --silent build

# Installed again when the lock file or a native source is newer; npm also builds addon and cell.
node_modules/.turno-installed: package-lock.json binding.gyp $(wildcard native/*.h native/addon/* native/cell/* native/cell/library/* native/template/*)
	@echo "turno: installing packages and building the native parts (npm ci)"
	npm ci --no-fund --no-audit
	@touch $@

# The cell's tests under cgroup v2, in a kernel of its own under qemu: KERNEL=/path/to/vmlinuz, such as that of Debian's
# linux-image-cloud-amd64. Takes some minutes; `make test` does without.
test-cgroup2: build
	@sh tools/test-cgroup2.sh "$${KERNEL:?name a kernel image: make test-cgroup2 KERNEL=/boot/vmlinuz}"

# What Debian and Ubuntu lack beside Node: compilers, make, Python. Says what it installs; needs root or sudo.
deps:
	@sh tools/install-deps.sh

clean:
	rm -rf dist .build build .tap node_modules
