#!/usr/bin/env python3
"""The table of docs/libkvm.md: how many tests each function of each face has.

usage: matrix.py check|write LIBKVM_TESTS    LIBKVM_TESTS is the program of the tests
"""
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "libkvm.md"
FACES = ["common", "freebsd", "netbsd", "openbsd", "dragonfly", "illumos", "fbsdvmcore"]
BEGIN, END = "<!-- matrix.py: begin -->\n", "<!-- matrix.py: end -->\n"
# Of a test's name: what follows begins with a capital letter.
FUNCTION = re.compile(r"(?:kvm|fvc)(?:_[a-z0-9]+)+")
SUITES = {"fbsdvmcore": "fvc"}


def declared(face):
    header = ROOT / "native/libkvm/include/panicroom" / face / ("fvc.h" if face == "fbsdvmcore" else "kvm.h")
    shared = [header.parent / name for name in re.findall(r'#include "(\.\./bsd_kvm\.h)"', header.read_text())]
    text = re.sub(r"/\*.*?\*/|^#[^\n]*$", "", "".join(file.read_text() for file in [header, *shared]), flags=re.S | re.M)
    return {name for name in re.findall(r"\b((?:kvm|fvc)_\w+)\([^;]*;", text) if not name.endswith("_t")}


def tested(program):
    """How many tests name a function, by face: suites are called after faces, tests after functions."""
    counts, face = Counter(), ""
    listed = subprocess.run([program, "--gtest_list_tests"], capture_output=True, check=True).stdout.decode()
    for line in listed.splitlines():
        if not line.startswith(" "):
            suite = line.rstrip(".").split("/")[-1].lower()
            face = next((one for one in FACES if suite.startswith(SUITES.get(one, one))), "")
        else:
            for function in set(FUNCTION.findall(line.split("#")[0])):
                counts[function, face] += 1
    return counts


def table(program):
    counts = tested(program)
    functions = {face: declared(face) for face in FACES}
    missing = sorted(f"{name} ({face})" for face in FACES for name in functions[face]
                     if not counts[name, face] and not any(counts[name, other] for other in ("common", "freebsd")))
    if missing:
        sys.exit("functions without a test: " + ", ".join(missing))
    lines = ["| function | " + " | ".join(FACES) + " |", "|---" * (len(FACES) + 1) + "|"]
    for name in sorted(set().union(*functions.values())):
        cells = [(str(counts[name, face]) if counts[name, face] else "shared") if name in functions[face] else ""
                 for face in FACES]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "write"):
        sys.exit(__doc__)
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    current, after = rest.split(END)
    wanted = table(sys.argv[2])
    if sys.argv[1] == "write":
        PAGE.write_text(before + BEGIN + wanted + END + after)
    elif current != wanted:
        sys.exit(f"{PAGE.name} is not what the tests say: run tests/libkvm/matrix.py write {sys.argv[2]}")


main()
