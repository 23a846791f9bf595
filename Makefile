# Builds libbedrock and installs it as C libraries are installed. For GNU make, on Linux.
#
#   make             cargo builds target/release/libbedrock.so, and libbedrock.a in target/release/static
#   make install     into /usr/local. PREFIX, LIBDIR, INCLUDEDIR, DATADIR and DESTDIR can be set
#   make uninstall   removes the installed files
#
# install builds only what is not there yet: "make && sudo make install" runs no cargo as root.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
TARGET     ?= target
CARGO      ?= cargo
OBJCOPY    ?= objcopy

# For aws-lc's build: .cargo/config.toml explains it. It is set here too, because make can be started in another folder.
export AWS_LC_SYS_NO_JITTER_ENTROPY ?= 1

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# As in build.rs, which sets the SONAME of the library.
SONAME  := libbedrock.so.$(firstword $(subst ., ,$(VERSION)))
BUILT   := $(TARGET)/release/libbedrock.so
STATIC  := $(TARGET)/release/static/libbedrock.a

# Removes the paths of the build machine: the paths of crates that Rust keeps begin with "cargo/".
REMAP = --config 'build.rustflags=["--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo"]'

LIB     = $(DESTDIR)$(LIBDIR)
INCLUDE = $(DESTDIR)$(INCLUDEDIR)
DATA    = $(DESTDIR)$(DATADIR)/bedrock

all: library
	$(MAKE) --no-print-directory $(STATIC)

# Cargo optimises the library as a whole only if it builds these two alone. If nothing has changed, this takes a moment.
library $(BUILT):
	$(CARGO) rustc --release --lib --crate-type cdylib,staticlib --target-dir "$(TARGET)" $(REMAP)

# One object that exports only bedrock_*. It contains Rust's runtime, and two static libraries that both export it
# cannot be linked into one program. The LLVM bitcode in Rust's library is removed, because a linker plugin of an older
# LLVM fails on it.
$(STATIC): $(BUILT)
	mkdir -p $(@D)
	$(LD) -r --force-group-allocation --whole-archive $(BUILT:.so=.a) -o $(@:.a=.o)
	$(OBJCOPY) --wildcard --keep-global-symbol='bedrock_*' --remove-section=.llvmbc --remove-section=.llvmcmd $(@:.a=.o)
	rm -f $@
	$(AR) rcs $@ $(@:.a=.o)
	rm -f $(@:.a=.o)

install: $(BUILT) $(STATIC)
	install -d "$(INCLUDE)" "$(LIB)/pkgconfig" "$(DATA)"
	install -m 644 include/bedrock.h include/bedrock.hpp "$(INCLUDE)"
	install -m 644 bedrock.supp LICENSE THIRD-PARTY.md "$(DATA)"
	install -m 755 $(BUILT) "$(LIB)/libbedrock.so.$(VERSION)"
	ln -sf libbedrock.so.$(VERSION) "$(LIB)/$(SONAME)"
	ln -sf $(SONAME) "$(LIB)/libbedrock.so"
	install -m 644 $(STATIC) "$(LIB)/libbedrock.a"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@DATADIR@|$(DATADIR)|' -e 's|@VERSION@|$(VERSION)|' libbedrock.pc.in > "$(LIB)/pkgconfig/bedrock.pc"
	chmod 644 "$(LIB)/pkgconfig/bedrock.pc"

uninstall:
	rm -f "$(INCLUDE)/bedrock.h" "$(INCLUDE)/bedrock.hpp"
	rm -f "$(LIB)/libbedrock.so" "$(LIB)/$(SONAME)" "$(LIB)/libbedrock.so.$(VERSION)"
	rm -f "$(LIB)/libbedrock.a" "$(LIB)/pkgconfig/bedrock.pc"
	rm -f "$(DATA)/bedrock.supp" "$(DATA)/LICENSE" "$(DATA)/THIRD-PARTY.md"

.PHONY: all library install uninstall
