#!/usr/bin/env python3
"""Every C++ file is as clang-format 19 writes it, by .clang-format. Exits with 77 where there is none.

    clang-format-19 -i FILE ...      mends it
"""

import os
import pathlib
import shutil
import subprocess
import sys

PROGRAM = os.environ.get("CLANG_FORMAT", "clang-format-19")
SAMPLE = "int  ill( ){return 0 ;}\n"


def well_formed(text, root):
    done = subprocess.run([PROGRAM, "--dry-run", "--Werror", "--assume-filename", root / "src/sample.cpp"], input=text,
                          text=True, capture_output=True, check=False)
    return done.returncode == 0


def main():
    root = pathlib.Path(sys.argv[1])
    if shutil.which(PROGRAM) is None:
        print(f"SKIPPED: there is no {PROGRAM} (Debian's package has the same name)")
        return 77
    if well_formed(SAMPLE, root):
        print("the sample should have been found wrong")
        return 1
    files = sorted(file for folder in ("src", "include", "tests") for file in (root / folder).rglob("*.[ch]pp"))
    done = subprocess.run([PROGRAM, "--dry-run", "--Werror", *files], text=True, capture_output=True, check=False)
    print(done.stderr, end="")
    print(f"{len(files)} files looked at")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
