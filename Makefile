# Builds, runs and tests Tally. `make` alone lists the targets; each line with `##` is one.

BUILD  ?= build
TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO  := scripts/toolchain cargo
RUNNER := $(CARGO) run --quiet -p runner --

# Variables for `make run`, `make debug`, `make profile` and `make test`, for example `make run MEMORY=64M FIRMWARE=uefi`.
export BUILD MEMORY FIRMWARE MACHINE CPU VGA ACCEL CMDLINE SCREEN OVMF JOBS WORKLOAD

# If set in the environment, these would replace the kernel's flags in .cargo/config.toml.
unexport RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET

# The kernel's own build of `core` and `alloc` is still an unstable option of cargo, and RUSTC_BOOTSTRAP=1
# opens it on a stable one. It is set for these calls alone: our own code uses stable features only.
KERNEL_CARGO := RUSTC_BOOTSTRAP=1 $(CARGO)
# `debugging` is `release` with full debug information; `make debug` asks for it.
PROFILE ?= release
KERNEL_FLAGS := --profile $(PROFILE) -p kernel --target x86_64-unknown-none \
	-Zbuild-std=core,alloc -Zbuild-std-features=compiler-builtins-mem
# Without the feature `lab`: no self-tests, no benchmarks, no demonstration bugs.
WITHOUT_LAB := --no-default-features

# GRUB has some 300 modules; these few are enough to boot from a CD or a USB stick, with BIOS and UEFI. Its image for
# UEFI needs all the partition maps.
GRUB_MODULES := normal multiboot2 gzio iso9660 fat search search_fs_uuid all_video part_msdos part_gpt \
	part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_plan part_sun part_sunpc

# What crates that read foreign input must not do outside their tests: panic, or compute without a check.
STRICT_CRATES := boot calendar names shell vfs
STRICT_LINTS := arithmetic_side_effects expect_used indexing_slicing unwrap_used

.DELETE_ON_ERROR:
.PHONY: help setup run test bench check check-format check-lints check-docs check-host iso product debug profile \
	callgrind soak fuzz fmt clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## find what is needed, install what is missing
	@scripts/setup

run: $(BUILD)/tally.iso ## boot to the shell in QEMU; `poweroff` leaves it
	@$(RUNNER) run

test: ## all checks, host tests and VM tests
	@scripts/setup test
	@scripts/test

bench: $(BUILD)/tally.iso ## count the heap's instructions, compare with the baseline; KEEP=1 replaces that
	@scripts/setup bench
	$(CARGO) build --release -p memstat --example peers
	@PEERS=$(TARGET)/release/examples/peers $(RUNNER) bench $(if $(KEEP),keep)

check: check-format check-lints check-docs check-host ## format, lints, documentation and host tests

iso: $(BUILD)/tally.iso ## build/tally.iso, for BIOS and UEFI, and build/tally.elf

product: $(BUILD)/tally-product.iso ## build/tally-product.iso: the same without self-tests, benchmarks and demonstration bugs

debug: ## boot an image with full debug information and wait for gdb on port 1234
	@scripts/setup debug
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/debug PROFILE=debugging iso
	@echo 'in another terminal: gdb $(BUILD)/debug/tally.elf -x scripts/tally-gdb.py -ex "target remote :1234"'
	@BUILD=$(BUILD)/debug $(RUNNER) run -s -S

profile: $(BUILD)/tally.iso ## boot, run a line, WORKLOAD='bug leak', and write what it did to memory to build/profile
	@$(RUNNER) profile

callgrind: setup ## where the tracker spends its instructions on the host, by callgrind: function by function
	@scripts/setup callgrind
	@scripts/callgrind

soak: setup ## long tests: memcheck, random models, long scenarios, gdb's commands
	@scripts/setup soak
	@scripts/soak

fuzz: setup ## coverage-guided fuzzing, SECONDS=60 for each target, or for TARGETS='boot names'
	@scripts/setup fuzz
	@scripts/fuzz $(or $(SECONDS),60) $(TARGETS)

fmt: setup ## format all sources
	$(CARGO) fmt --all

clean: ## remove all that was built
	rm -rf $(BUILD)
	$(CARGO) clean

# --- the parts of `make check` ---

check-format: setup
	$(CARGO) fmt --all --check

# Without names cargo takes the default members: all but the kernel, which is for its target only. The crates that the
# kernel uses are among them, so they are not linted again with it.
check-lints: setup
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --no-deps --lib $(STRICT_CRATES:%=-p %) -- -D warnings $(STRICT_LINTS:%=-D clippy::%)
	$(KERNEL_CARGO) clippy --no-deps $(KERNEL_FLAGS) -- -D warnings
	$(KERNEL_CARGO) clippy --no-deps $(KERNEL_FLAGS) $(WITHOUT_LAB) -- -D warnings

check-docs: DOC_FLAGS := --no-deps --document-private-items
check-docs: setup
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(DOC_FLAGS)
	RUSTDOCFLAGS='-D warnings' $(KERNEL_CARGO) doc $(KERNEL_FLAGS) $(DOC_FLAGS)

check-host: setup
	$(CARGO) test --no-fail-fast

# --- the image ---

# cargo knows what is out of date; the copy changes only with the kernel, so the ISO is not rebuilt without need.
$(BUILD)/tally.elf: FORCE | setup
	$(KERNEL_CARGO) build $(KERNEL_FLAGS)
	$(keep_kernel)

# cargo gives both the same name, so one is built and copied before the other.
$(BUILD)/tally-product.elf: FORCE | $(BUILD)/tally.elf
	$(KERNEL_CARGO) build $(KERNEL_FLAGS) $(WITHOUT_LAB)
	$(keep_kernel)

define keep_kernel
@mkdir -p $(BUILD)
@cmp -s $(TARGET)/x86_64-unknown-none/$(PROFILE)/tally $@ || cp $(TARGET)/x86_64-unknown-none/$(PROFILE)/tally $@
endef

# GRUB keeps what it reads from a disk in a cache: of the compressed file that is 2 MB instead of 7, which leaves enough
# memory for the kernel and its debug information on a machine with 16 MB.
$(BUILD)/%.iso: $(BUILD)/%.elf grub/grub.cfg Makefile
	grub-file --is-x86-multiboot2 $<
	@rm -rf $(BUILD)/$*.files && mkdir -p $(BUILD)/$*.files/boot/grub
	@gzip --best --no-name --stdout $< >$(BUILD)/$*.files/boot/tally.elf.gz
	@cp grub/grub.cfg $(BUILD)/$*.files/boot/grub/
	grub-mkrescue --output=$@ --install-modules='$(GRUB_MODULES)' --fonts= --locales= --themes= \
		$(BUILD)/$*.files >$(BUILD)/$*.mkrescue.log 2>&1 || { cat $(BUILD)/$*.mkrescue.log; false; }
