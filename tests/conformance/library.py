"""The library under test, and C programs that are linked with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from servers import ROOT, SKIPPED, TARGET


class Library:
    """The library in $LIBDIR, by default the newest one in target. Exits if there is no library or no C compiler."""

    def __init__(self):
        given = os.environ.get("LIBDIR")
        folders = [given] if given else [TARGET / "debug", TARGET / "release"]
        found = [file for folder in folders for file in _libraries(folder)]
        if not found:
            sys.exit(f"no libbedrock in {' or '.join(map(str, folders))}: run cargo build, or set LIBDIR")
        self.file = max(found, key=lambda file: file.stat().st_mtime).absolute()
        self.compiler = shutil.which(os.environ.get("CC", "cc"))
        if self.compiler is None:
            print("skipped: there is no C compiler")
            sys.exit(SKIPPED)

    def build(self, source):
        """Compiles a C program with the library. Returns the program's path."""
        folder = TARGET / "conformance"
        folder.mkdir(exist_ok=True)
        if self.file.suffix == ".so":  # cargo does not make the file name of the soname
            name = folder / "libbedrock.so.0"
            name.unlink(missing_ok=True)
            name.symlink_to(self.file)
        program = folder / source.stem
        subprocess.run([self.compiler, "-std=c99", "-Wall", "-Wextra", f"-I{ROOT / 'include'}", source, self.file,
                        f"-Wl,-rpath,{folder}", "-o", program], check=True)
        return program


def _libraries(folder):
    return [file for file in Path(folder).glob("libbedrock.*") if file.suffix in (".so", ".dylib")]
