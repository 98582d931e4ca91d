#!/usr/bin/env python3
"""Source lines and inlined calls against addr2line and llvm-symbolizer on what each compiler here writes, and on a whole program.

usage: lines.py DWARF_ROWS [FILE...]    DWARF_ROWS is build/native/tests/dwarf_rows; FILE: linked, with DWARF
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import frames

PROBE = f"{os.path.dirname(os.path.abspath(__file__))}/../foundry/probe.c"
SOURCES = [f"{os.path.dirname(os.path.abspath(__file__))}/{name}" for name in ("frames.c", "structures.c")]
FORMS = {"plain": [], "compressed": ["-gz=zlib"], "sections": ["-ffunction-sections"], "wide": ["-gdwarf64"],
         "no-aranges": ["-gno-aranges"]}
FILES = []


def output(*command, stdin=""):
    return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout


def addresses_of(path, every):
    """Of code: each of a small file's, some of a large one's."""
    sections = output("readelf", "-SW", path)
    found = []
    for name, address, size in re.findall(r"\] (\S+) +PROGBITS +(\w+) \w+ (\w+) .*AX", sections):
        if name.startswith(".text"):
            begin, end = int(address, 16), int(address, 16) + int(size, 16)
            found += range(begin, end, every) if every < 8 else random.Random(7).sample(range(begin, end), 5000)
    return found


def normal(line):
    """file:line, as both write it; ? where either is not known."""
    line = re.sub(r" \(discriminator \d+\)$", "", line.strip())
    path, _, number = line.rpartition(":")
    if number in ("0", "?") or path in ("??", ""):
        return "?"
    return f"{os.path.normpath(path)}:{number}"


class Lines(unittest.TestCase):
    maxDiff = 2000

    def compare(self, path, addresses, peer):
        text = "".join(f"{address:#x}\n" for address in addresses)
        if peer == "addr2line":
            expected = output("addr2line", "-e", path, stdin=text).splitlines()
        else:
            expected = output(
                "llvm-symbolizer-19", "--output-style=GNU", "--no-inlines", "--functions=none", "-e", path, stdin=text).splitlines()
        found = output(frames.PROGRAM, "lines", path, stdin=text).splitlines()
        self.assertEqual(len(found), len(addresses))
        self.assertEqual(len(expected), len(addresses))
        known = 0
        for address, mine, theirs in zip(addresses, found, expected):
            theirs = normal(theirs)
            known += theirs != "?"
            self.assertEqual(normal(mine), theirs, f"at {address:#x} ({peer})")
        self.assertGreater(known, len(addresses) // 2)

    def compare_calls(self, path, addresses):
        """What is inlined at each address: its functions, their lines, and the line in the function itself."""
        text = "".join(f"{address:#x}\n" for address in addresses)
        said = output("llvm-symbolizer-19", "--output-style=JSON", "--inlines", "--functions=short", "-e", path, stdin=text)
        found = output(frames.PROGRAM, "calls", path, stdin=text).splitlines()
        self.assertEqual(len(found), len(addresses))
        inlined = 0
        for address, mine, line in zip(addresses, found, said.splitlines()):
            theirs = [(call["FunctionName"], normal(f"{call['FileName'] or '??'}:{call['Line']}")) for call in json.loads(line)["Symbol"]]
            *inner, outer = mine.split(" < ")
            ours = [(name, normal(place)) for name, place in (call.split(" ", 1) for call in inner)]
            self.assertEqual(ours, theirs[:-1], f"at {address:#x}")
            self.assertEqual(normal(outer), theirs[-1][1], f"at {address:#x}")
            inlined += len(ours) > 0
        return inlined

    def test_inlined(self):
        with tempfile.TemporaryDirectory() as folder:
            for compiler in frames.COMPILERS:
                for version in (2, 3, 4, 5):
                    for form, options in FORMS.items():
                        path = f"{folder}/{compiler}-{version}-{form}"
                        made = subprocess.run([compiler, "-w", "-g", f"-gdwarf-{version}", "-O2", *frames.LINK, *options,
                                               *SOURCES, PROBE, "-o", path], check=False, capture_output=True)
                        if made.returncode != 0:  # the compiler knows no such option
                            continue
                        with self.subTest(path=os.path.basename(path)):
                            self.assertGreater(self.compare_calls(path, addresses_of(path, 1)), 50)

    def test_inlined_in_programs(self):
        for path in FILES:
            with self.subTest(path=path):
                self.compare_calls(path, addresses_of(path, 8))

    def test_compilers(self):
        with tempfile.TemporaryDirectory() as folder:
            for compiler in frames.COMPILERS:
                for version in (2, 3, 4, 5):
                    for form, options in FORMS.items():
                        for optimized in ("-O0", "-O2"):
                            path = f"{folder}/{compiler}-{version}-{form}{optimized}"
                            made = subprocess.run([compiler, "-w", "-g", f"-gdwarf-{version}", optimized, *frames.LINK, *options,
                                                   *SOURCES, "-o", path], check=False, capture_output=True)
                            if made.returncode != 0:  # the compiler knows no such option
                                continue
                            with self.subTest(path=os.path.basename(path)):
                                self.compare(path, addresses_of(path, 1), "llvm-symbolizer")

    def test_programs(self):
        for path in FILES:
            with self.subTest(path=path):
                self.compare(path, addresses_of(path, 8), "llvm-symbolizer")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    frames.PROGRAM = os.path.abspath(sys.argv[1])
    FILES = sys.argv[2:]
    unittest.main(argv=sys.argv[:1])
