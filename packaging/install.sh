#!/bin/sh
# Copies this folder to where compilers and pkg-config look: install.sh [PREFIX], by default /usr/local. Files of an
# older version are overwritten. DESTDIR is put in front of PREFIX.
set -eu
prefix=${1:-/usr/local}
case $prefix in
    -*) echo "usage: install.sh [PREFIX]"; exit 2 ;;
    /*) ;;
    *) prefix=$PWD/$prefix ;;
esac
cd "$(dirname "$0")"
to=${DESTDIR:-}$prefix
mkdir -p "$to"
for folder in bin include lib share; do
    [ ! -d "$folder" ] || cp -Rf --no-dereference --preserve=mode "$folder" "$to/"
done
if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" -eq 0 ]; then
    PATH=$PATH:/sbin:/usr/sbin ldconfig || true
fi
echo "libbedrock is in $to. If programs do not find the library: LD_LIBRARY_PATH=$prefix/lib, or -Wl,-rpath,$prefix/lib"
