#!/usr/bin/env python3
"""Rows of call-frame information against llvm-dwarfdump: of what each compiler here writes and of systems' libraries.

usage: frames.py DWARF_ROWS    DWARF_ROWS is build/native/tests/dwarf_rows
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = f"{os.path.dirname(os.path.abspath(__file__))}/frames.c"
COMPILERS = [name for name in ("gcc", "clang", "clang-19", "aarch64-linux-gnu-gcc", "i686-linux-gnu-gcc") if shutil.which(name)]
LINK = ["-shared", "-fPIC", "-nostdlib"]
FORMS = {"eh": ["-fasynchronous-unwind-tables"], "no-hdr": ["-fasynchronous-unwind-tables", "-Wl,--no-eh-frame-hdr"],
         "debug": ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]}
LIBRARIES = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libcrypto.so.3", "/lib/x86_64-linux-gnu/libstdc++.so.6",
             "/usr/aarch64-linux-gnu/lib/libc.so.6", "/usr/i686-linux-gnu/lib/libc.so.6"]
DUMPER = next((name for name in ("llvm-dwarfdump-19", "llvm-dwarfdump") if shutil.which(name)), None)
PROGRAM = ""
ROW = re.compile(r"^  0x([0-9a-f]+): (CFA=.*)$")

X86_64 = {name: number for number, name in enumerate(
    "RAX RDX RCX RBX RSI RDI RBP RSP R8 R9 R10 R11 R12 R13 R14 R15 RIP".split())}
I386 = {name: number for number, name in enumerate("EAX ECX EDX EBX ESP EBP ESI EDI EIP".split())}
AARCH64 = {**{f"W{number}": number for number in range(31)}, **{f"X{number}": number for number in range(29)},
           "FP": 29, "LR": 30, "WSP": 31, "SP": 31}
LIMIT = 35


def number(names, register):
    return int(register[3:]) if register.startswith("reg") else names.get(register, LIMIT)


def rule_of(names, text):
    """llvm-dwarfdump's words in ours."""
    if text in ("undefined", "same"):
        return text[0]
    if match := re.fullmatch(r"\[CFA(?:([+-]\d+))?\]", text):
        return f"c{int(match[1] or 0):+d}"
    if match := re.fullmatch(r"CFA(?:([+-]\d+))?", text):
        return f"v{int(match[1] or 0):+d}"
    if text.startswith("[DW_OP"):
        return "exp"
    if text.startswith("DW_OP"):
        return "vexp"
    match = re.fullmatch(r"([A-Za-z0-9]+)([+-]\d+)?", text)
    return f"r{number(names, match[1])}{int(match[2] or 0):+d}"


def by_llvm(path):
    output = subprocess.run([DUMPER, "--eh-frame", "--debug-frame", path], check=True, capture_output=True, text=True).stdout
    names = AARCH64 if "aarch64" in output.split("\n", 1)[0] else I386 if "elf32-i386" in output else X86_64
    rows = []
    end = 0
    for line in output.splitlines():
        if match := re.search(r" FDE cie=\w+ pc=\w+\.\.\.(\w+)", line):
            end = int(match[1], 16)
        if not (match := ROW.match(line)) or int(match[1], 16) >= end:
            continue
        # An expression has ", " and ": " within.
        parts = re.split(r"(?:: |, )(?=[A-Za-z0-9_]+=)", match[2])
        rules = dict(part.split("=", 1) for part in parts)
        told = {f"r{number(names, name)}": rule_of(names, rule) for name, rule in rules.items()
                if name != "CFA" and number(names, name) < LIMIT}
        told.pop("r34", None)  # whether the return address is signed
        rows.append((int(match[1], 16), rule_of(names, rules["CFA"]), told))
    return rows


def by_ours(path):
    output = subprocess.run([PROGRAM, "cfi", path], check=True, capture_output=True, text=True).stdout
    rows = []
    for line in output.splitlines():
        begin, _, cfa, *rules = line.split(" ")
        rows.append((int(begin, 16), cfa, dict(rule.split("=") for rule in rules)))
    return rows


class Frames(unittest.TestCase):
    maxDiff = 2000

    def compare(self, path):
        expected, found = by_llvm(path), by_ours(path)
        self.assertGreater(len(expected), 5)
        for mine, theirs in zip(sorted(found, key=str), sorted(expected, key=str)):
            self.assertEqual(mine, theirs)
        self.assertEqual(len(found), len(expected))

    def test_compilers(self):
        self.assertIn("gcc", COMPILERS)
        with tempfile.TemporaryDirectory() as folder:
            for compiler in COMPILERS:
                for version in (2, 3, 4, 5):
                    for form, options in FORMS.items():
                        for optimized in ("-O0", "-O2"):
                            path = f"{folder}/{compiler}-{version}-{form}{optimized}"
                            subprocess.run([compiler, "-w", "-g", f"-gdwarf-{version}", optimized, *LINK, *options, SOURCE,
                                            "-o", path], check=True)
                            with self.subTest(path=os.path.basename(path)):
                                self.compare(path)

    def test_libraries(self):
        found = [path for path in LIBRARIES if glob.glob(path)]
        self.assertTrue(found)
        for path in found:
            with self.subTest(path=path):
                self.compare(path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop())
    unittest.main()
