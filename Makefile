# Builds libbedrock and installs it as C libraries are installed. For GNU make, on Linux.
#
#   make             cargo builds target/release/libbedrock.so and libbedrock.a
#   make install     into /usr/local. PREFIX, LIBDIR, INCLUDEDIR, DATADIR and DESTDIR are yours to set
#   make uninstall   removes what install put there
#
# install builds only what is not there yet: "make && sudo make install" runs no cargo as root.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
CARGO      ?= cargo

# For aws-lc's build: .cargo/config.toml says why. Set here too, so that it holds wherever make is started.
export AWS_LC_SYS_NO_JITTER_ENTROPY ?= 1

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# As in build.rs, which gives the library its SONAME.
SONAME  := libbedrock.so.$(firstword $(subst ., ,$(VERSION)))
BUILT   := target/release/libbedrock.so

LIB     = $(DESTDIR)$(LIBDIR)
INCLUDE = $(DESTDIR)$(INCLUDEDIR)
DATA    = $(DESTDIR)$(DATADIR)/bedrock

# Asked for these two alone, cargo optimises the library as a whole; and where nothing has changed, it takes a moment.
all $(BUILT):
	$(CARGO) rustc --release --lib --crate-type cdylib,staticlib --target-dir target

install: $(BUILT)
	install -d "$(INCLUDE)" "$(LIB)/pkgconfig" "$(DATA)"
	install -m 644 include/bedrock.h "$(INCLUDE)/bedrock.h"
	install -m 644 bedrock.supp "$(DATA)/bedrock.supp"
	install -m 755 $(BUILT) "$(LIB)/libbedrock.so.$(VERSION)"
	ln -sf libbedrock.so.$(VERSION) "$(LIB)/$(SONAME)"
	ln -sf $(SONAME) "$(LIB)/libbedrock.so"
	install -m 644 $(BUILT:.so=.a) "$(LIB)/libbedrock.a"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@DATADIR@|$(DATADIR)|' -e 's|@VERSION@|$(VERSION)|' libbedrock.pc.in > "$(LIB)/pkgconfig/bedrock.pc"
	chmod 644 "$(LIB)/pkgconfig/bedrock.pc"

uninstall:
	rm -f "$(INCLUDE)/bedrock.h" "$(LIB)/libbedrock.so" "$(LIB)/$(SONAME)" "$(LIB)/libbedrock.so.$(VERSION)"
	rm -f "$(LIB)/libbedrock.a" "$(LIB)/pkgconfig/bedrock.pc" "$(DATA)/bedrock.supp"

.PHONY: all install uninstall
