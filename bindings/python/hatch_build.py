"""Puts the shared library into the wheel, and gives the wheel the tag of the systems on which that library runs.

The library is the one in $LIBDIR. Without it, cargo builds it: from the repository, or from the sources in the sdist.
"""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
RUST = "1.94.1"
MACHINES = {62: "x86_64", 183: "aarch64"}


def sources():
    """The folder with Cargo.toml: beside this file in an sdist, two folders up in the repository."""
    for folder in (HERE / "rust", HERE.parents[1]):
        if (folder / "src/exports.map").exists() and (folder / "Cargo.toml").exists():
            return folder
    raise SystemExit("libbedrock: the sources of the library are missing: build from the repository or from an sdist")


def built():
    """Builds the library, and returns its path."""
    if shutil.which("cargo") is None:
        raise SystemExit(
            f"libbedrock: there is no cargo on the PATH. To build the library from its sources, Rust {RUST} or newer "
            "and a C compiler have to be installed. Install Rust from https://rustup.rs, or a wheel, which has the "
            "library inside, or set LIBDIR to the folder of a libbedrock.so"
        )
    folder = sources()
    target = Path(os.environ.get("CARGO_TARGET_DIR") or folder / "target")
    subprocess.run(
        ["cargo", "rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib", "--target-dir", target],
        cwd=folder,
        env={**os.environ, "AWS_LC_SYS_NO_JITTER_ENTROPY": "1"},
        check=True,
        stdout=sys.stderr,
    )
    return target / "release/libbedrock.so"


def platform_of(file):
    """Returns the tag of the oldest glibc on which a library runs: manylinux_2_34_x86_64.

    It is read from the versions of the symbols that the library needs.
    """
    data = file.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise SystemExit(f"libbedrock: {file} is not a library for 64-bit Linux")
    (machine,) = struct.unpack_from("<H", data, 18)
    (offset,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + index * size) for index in range(count)]
    needed = []
    for _, kind, _, _, start, _, link, entries, _, _ in sections:
        if kind != 0x6FFFFFFE:  # SHT_GNU_verneed
            continue
        names, at = sections[link][4], start
        for _ in range(entries):
            _, versions, _, first, following = struct.unpack_from("<HHIII", data, at)
            version = at + first
            for _ in range(versions):
                _, _, _, name, after = struct.unpack_from("<IHHII", data, version)
                needed.append(data[names + name : data.index(b"\0", names + name)].decode())
                version += after
            at += following
    glibc = [
        tuple(map(int, found.groups()))
        for found in (re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", name) for name in needed)
        if found
    ]
    if not glibc or machine not in MACHINES:
        raise SystemExit(f"libbedrock: {file} is not a library for glibc on {' or '.join(MACHINES.values())}")
    major, minor = max(glibc)
    return f"manylinux_{major}_{minor}_{MACHINES[machine]}"


class BundledLibrary(BuildHookInterface):
    """Adds the library to the wheel."""

    def initialize(self, version, build_data):
        if version == "editable":
            return
        folder = os.environ.get("LIBDIR")
        library = Path(folder) / "libbedrock.so" if folder else built()
        if not library.exists():
            raise SystemExit(f"libbedrock: there is no {library}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_of(library.resolve())}"
        build_data["force_include"][str(library.resolve())] = "libbedrock/libbedrock.so"
        for name in ("LICENSE", "THIRD-PARTY.md"):
            build_data["force_include"][str(sources() / name)] = f"libbedrock/{name}"
