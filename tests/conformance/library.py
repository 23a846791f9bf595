"""The library under test, and C programs that are linked with it."""

import os
import shutil
import subprocess
import sys

from servers import ROOT, SKIPPED, TARGET

sys.path.insert(0, str(ROOT / "tests/support"))
from library_under_test import newest_library


class Library:
    """The library in $LIBDIR, by default the newest one in target. Exits if there is no library or no C compiler."""

    def __init__(self):
        self.file = newest_library()
        self.compiler = shutil.which(os.environ.get("CC", "cc"))
        if self.compiler is None:
            print("skipped: there is no C compiler")
            sys.exit(SKIPPED)

    def build(self, source):
        """Compiles a C program with the library. Returns the program's path."""
        folder = TARGET / "conformance"
        folder.mkdir(exist_ok=True)
        name = folder / "libbedrock.so.0"  # cargo does not make the file name of the soname
        name.unlink(missing_ok=True)
        name.symlink_to(self.file)
        program = folder / source.stem
        subprocess.run([self.compiler, "-std=c99", "-Wall", "-Wextra", f"-I{ROOT / 'include'}", source, self.file,
                        f"-Wl,-rpath,{folder}", "-o", program], check=True)
        return program
