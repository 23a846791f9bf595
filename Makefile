# Builds libbedrock and installs it as C libraries are installed. For GNU make, on Linux.
#
#   make             target/release/libbedrock.so, libbedrock.a in target/release/static, and the command bedrock in
#                    target/cli; the manual pages in target/man
#   make install     into /usr/local. PREFIX, BINDIR, LIBDIR, INCLUDEDIR, DATADIR, MANDIR and DESTDIR can be set
#   make uninstall   removes the installed files
#   make dist        what a release has, in target/glibc-2.17/dist: a tarball, a wheel, and packages for Debian and RPM
#   make GLIBC=2.17  as for a release: into target/glibc-2.17/release, for systems with this glibc or a newer one
#
# install builds only what is not there yet: "make && sudo make install" runs no cargo as root.

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
CARGO      ?= cargo
OBJCOPY    ?= objcopy

# The oldest glibc that the library runs on. If it is empty, that is about the glibc of this machine. zig links with the
# symbols of that version, and cargo-zigbuild calls zig:
#   pip install cargo-zigbuild==0.24.1 ziglang==0.17.1
GLIBC    ?=
ZIGBUILD ?= cargo-zigbuild

# For aws-lc's build: .cargo/config.toml explains it. It is set here too, because make can be started in another folder.
export AWS_LC_SYS_NO_JITTER_ENTROPY ?= 1

VERSION := $(shell packaging/number version)
SONAME  := libbedrock.so.$(shell packaging/number abi)

ifeq ($(origin GLIBC),file)
DIST_GLIBC := $(shell packaging/number glibc)
else
DIST_GLIBC := $(GLIBC)
endif

ifeq ($(GLIBC),)
TARGET  ?= target
BUILD    = $(CARGO) rustc
ARCHIVE  = $(TARGET)/release/libbedrock.a
LINK     = $(CC)
else
TARGET  ?= target/glibc-$(GLIBC)
TRIPLE  := $(shell uname -m)-unknown-linux-gnu
BUILD    = $(ZIGBUILD) rustc --target $(TRIPLE).$(GLIBC)
ARCHIVE  = $(TARGET)/$(TRIPLE)/release/libbedrock.a
LINK     = $(ZIGBUILD) zig cc -- -target $(shell uname -m)-linux-gnu.$(GLIBC)
endif
RELEASE := $(TARGET)/release
BUILT   := $(RELEASE)/libbedrock.so
STATIC  := $(RELEASE)/static/libbedrock.a
COMMAND := $(TARGET)/cli/bedrock
MANUAL  := $(TARGET)/man
# xtask runs on this machine, and is the same for every glibc.
TOOLS   := $(patsubst %/glibc-$(GLIBC),%,$(TARGET))

# Where the command looks for the library: where the system looks, or beside itself, or in LIBDIR.
ifneq ($(filter /usr/lib%,$(LIBDIR)),)
RPATH ?=
else ifeq ($(LIBDIR) $(BINDIR),$(PREFIX)/lib $(PREFIX)/bin)
RPATH ?= $$$$ORIGIN/../lib
else
RPATH ?= $(LIBDIR)
endif

# Removes the paths of the build machine: the paths of crates that Rust keeps begin with "cargo/".
REMAP = --config 'build.rustflags=["--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo"]'

# libgcc_s is the one of the system, by its path: zig would link an unwinder of its own into the library, and an
# exception or a cancelled thread that unwinds out of a callback must meet one unwinder alone.
SYSTEM = $(shell $(CC) -print-file-name=libgcc_s.so.1) -lutil -lrt -lpthread -lm -ldl -lc

LIB     = $(DESTDIR)$(LIBDIR)
INCLUDE = $(DESTDIR)$(INCLUDEDIR)
DATA    = $(DESTDIR)$(DATADIR)/bedrock
CMAKE   = $(LIB)/cmake/bedrock
BIN     = $(DESTDIR)$(BINDIR)
MAN     = $(DESTDIR)$(MANDIR)
BASH    = $(DESTDIR)$(DATADIR)/bash-completion/completions
ZSH     = $(DESTDIR)$(DATADIR)/zsh/site-functions
FISH    = $(DESTDIR)$(DATADIR)/fish/vendor_completions.d

all: libraries
	$(MAKE) --no-print-directory command manual

# What programs link with: all that CMake needs from source.
libraries: library
	$(MAKE) --no-print-directory $(STATIC)

# Cargo knows what has changed. If nothing has, this takes a moment.
library: archive
	$(MAKE) --no-print-directory $(BUILT)

# Cargo optimises the library as a whole only if it builds a C library alone. If nothing has changed, this takes a moment.
archive $(ARCHIVE):
	$(BUILD) --release --lib --crate-type staticlib --locked --target-dir "$(TARGET)" $(REMAP)

# Linked here and not by cargo, because rustc passes a version script of its own, without a version, which cannot be
# combined with one that has a version. Unloading a library that has threads and thread-locals crashes the process, so
# dlclose leaves it loaded: nodelete.
$(BUILT): $(ARCHIVE) src/exports.map
	$(LINK) -shared -o $@ -Wl,--whole-archive $(ARCHIVE) -Wl,--no-whole-archive -nodefaultlibs $(SYSTEM) \
	    -Wl,--version-script=src/exports.map -Wl,-soname,$(SONAME) -Wl,-z,nodelete -Wl,-z,relro,-z,now \
	    -Wl,--gc-sections -Wl,--as-needed
	$(OBJCOPY) --strip-debug $@
	ln -sf libbedrock.so $(RELEASE)/$(SONAME)

# One object that exports only bedrock_*. It contains Rust's runtime, and two static libraries that both export it
# cannot be linked into one program. The LLVM bitcode in Rust's library is removed, because a linker plugin of an older
# LLVM fails on it. "D" makes an archive without time and owner.
$(STATIC): $(ARCHIVE)
	mkdir -p $(@D)
	$(LD) -r --force-group-allocation --whole-archive $(ARCHIVE) -o $(@:.a=.o)
	$(OBJCOPY) --wildcard --keep-global-symbol='bedrock_*' --remove-section=.llvmbc --remove-section=.llvmcmd \
	    --strip-debug $(@:.a=.o)
	rm -f $@
	$(AR) rcsD $@ $(@:.a=.o)
	rm -f $(@:.a=.o)

command $(COMMAND): $(BUILT)
	$(MAKE) --no-print-directory -C cli CC="$(LINK) -fPIE" LDFLAGS="$(LDFLAGS) -pie" \
	    LIBDIR="$(abspath $(RELEASE))" OUT="$(abspath $(TARGET)/cli)" RPATH='$(RPATH)'

# All pages are written at once.
manual $(MANUAL)/man3/bedrock.3:
	$(CARGO) run --quiet --locked --package xtask --target-dir "$(TOOLS)" -- man "$(MANUAL)"

# The installed files name each other by relative paths, so that the folder can be moved.
PC_TO    = $$(realpath -m --relative-to="$(LIBDIR)/pkgconfig"
CMAKE_TO = $$(realpath -m --relative-to="$(LIBDIR)/cmake/bedrock"
FILL     = sed -e "s|@VERSION@|$(VERSION)|" -e "s|@SONAME@|$(SONAME)|"

install: $(BUILT) $(STATIC) $(COMMAND) $(MANUAL)/man3/bedrock.3
	@readelf --version-info $(BUILT) | grep -q BEDROCK_ || { echo "cargo linked $(BUILT): run make first"; exit 1; }
	install -d "$(INCLUDE)" "$(LIB)/pkgconfig" "$(CMAKE)" "$(DATA)" "$(BIN)" "$(MAN)/man1" "$(BASH)" "$(ZSH)" "$(FISH)"
	install -m 644 include/bedrock.h include/bedrock.hpp "$(INCLUDE)"
	install -m 644 bedrock.supp LICENSE THIRD-PARTY.md bindings/ffi/bedrock.cdef.h bindings/ffi/api.json "$(DATA)"
	install -m 755 $(BUILT) "$(LIB)/libbedrock.so.$(VERSION)"
	ln -sf libbedrock.so.$(VERSION) "$(LIB)/$(SONAME)"
	ln -sf $(SONAME) "$(LIB)/libbedrock.so"
	install -m 644 $(STATIC) "$(LIB)/libbedrock.a"
	$(FILL) -e "s|@PREFIX@|$(PC_TO) "$(PREFIX)")|" -e "s|@LIBDIR@|$(PC_TO) "$(LIBDIR)")|" \
	    -e "s|@INCLUDEDIR@|$(PC_TO) "$(INCLUDEDIR)")|" -e "s|@DATADIR@|$(PC_TO) "$(DATADIR)")|" \
	    libbedrock.pc.in > "$(LIB)/pkgconfig/bedrock.pc"
	$(FILL) -e "s|@LIBDIR@|$(CMAKE_TO) "$(LIBDIR)")|" -e "s|@INCLUDEDIR@|$(CMAKE_TO) "$(INCLUDEDIR)")|" \
	    cmake/bedrock-config.cmake.in > "$(CMAKE)/bedrock-config.cmake"
	$(FILL) -e "s|@POINTER@|$$(($$(getconf LONG_BIT) / 8))|" \
	    cmake/bedrock-config-version.cmake.in > "$(CMAKE)/bedrock-config-version.cmake"
	install -m 644 cmake/bedrock-targets.cmake "$(CMAKE)"
	chmod 644 "$(LIB)/pkgconfig/bedrock.pc" "$(CMAKE)"/*
	install -m 755 $(COMMAND) "$(BIN)/bedrock"
	install -m 644 cli/bedrock.1 "$(MAN)/man1/bedrock.1"
	for section in 3 5 7; do \
	    install -d "$(MAN)/man$$section" && cp -P "$(MANUAL)/man$$section"/*.$$section "$(MAN)/man$$section" || exit 1; \
	done
	install -m 644 cli/completions/bedrock.bash "$(BASH)/bedrock"
	install -m 644 cli/completions/_bedrock "$(ZSH)/_bedrock"
	install -m 644 cli/completions/bedrock.fish "$(FISH)/bedrock.fish"

uninstall:
	rm -f "$(INCLUDE)/bedrock.h" "$(INCLUDE)/bedrock.hpp"
	rm -f "$(LIB)/libbedrock.so" "$(LIB)/$(SONAME)" "$(LIB)/libbedrock.so.$(VERSION)"
	rm -f "$(LIB)/libbedrock.a" "$(LIB)/pkgconfig/bedrock.pc"
	rm -rf "$(CMAKE)" "$(DATA)"
	rm -f "$(BIN)/bedrock" "$(MAN)/man1/bedrock.1" "$(MAN)/man3/bedrock.3"
	rm -f "$(MAN)"/man3/bedrock_*.3 "$(MAN)"/man3/BEDROCK_*.3 "$(MAN)/man5/bedrock_config.5" "$(MAN)/man7/bedrock_tutorial.7"
	rm -f "$(BASH)/bedrock" "$(ZSH)/_bedrock" "$(FISH)/bedrock.fish"

# A release is for the oldest glibc that the documents promise; make dist GLIBC= builds it for this machine.
dist:
	$(MAKE) --no-print-directory GLIBC=$(DIST_GLIBC) release-files

release-files: all
	TARGET="$(TARGET)" GLIBC="$(GLIBC)" packaging/dist

.PHONY: all libraries library archive command manual install uninstall dist release-files
