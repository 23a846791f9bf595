"""The library that scripts test: the one in $LIBDIR, or the newest in target/."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").absolute()


def newest_library(builds=("debug", "release")):
    """Returns the path of libbedrock.so. Exits if there is none."""
    given = os.environ.get("LIBDIR")
    folders = [Path(given)] if given else [TARGET / build for build in builds]
    found = [file for folder in folders if (file := folder / "libbedrock.so").exists()]
    if not found:
        sys.exit(f"no libbedrock.so in {' or '.join(map(str, folders))}: run cargo build or make, or set LIBDIR")
    return max(found, key=lambda file: file.stat().st_mtime).resolve()
