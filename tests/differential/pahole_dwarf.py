#!/usr/bin/env python3
"""`panicroom type` against pahole on the DWARF that each compiler here writes: versions 4 and 5, relocatable and linked.

usage: pahole_dwarf.py PROGRAM [ARGUMENT...] FIXTURES    FIXTURES has what `foundry make` makes of freebsd-amd64.txt
"""

import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import pahole

SOURCE = f"{os.path.dirname(os.path.abspath(__file__))}/structures.c"
STRUCTURES = "bits empty_array leaf list operations packed task".split()
COMPILERS = [name for name in ("gcc", "clang", "clang-19", "aarch64-linux-gnu-gcc") if shutil.which(name)]
FORMS = {"module": ["-c"], "linked": ["-shared", "-fPIC", "-nostdlib"],
         "compressed": ["-shared", "-fPIC", "-nostdlib", "-gz=zlib"]}
FIXTURES = ""
KERNELS = {"aarch64-linux-gnu-gcc": "arm64"}


class PaholeDwarf(unittest.TestCase):
    maxDiff = None

    def test_layouts(self):
        self.assertIn("gcc", COMPILERS)
        with tempfile.TemporaryDirectory() as folder:
            for compiler in COMPILERS:
                for version in (4, 5):
                    for form, options in FORMS.items():
                        path = f"{folder}/{compiler}-{version}-{form}"
                        subprocess.run([compiler, "-w", "-g", f"-gdwarf-{version}", *options, SOURCE, "-o", path], check=True)
                        self.compare(compiler, path)

    def compare(self, compiler, path):
        kernel = f"freebsd-{KERNELS.get(compiler, 'amd64')}"
        pahole.DUMP = f"{FIXTURES}/{kernel}.{kernel.removeprefix('freebsd-')}-v3"
        for structure in STRUCTURES:
            with self.subTest(path=os.path.basename(path), structure=structure):
                expected, expected_holes = pahole.by_pahole(path, structure, "dwarf")
                self.assertTrue(expected, "pahole prints no members")
                found, found_holes = pahole.by_ours(structure, f"{FIXTURES}/{kernel}.kernel", path)
                self.assertEqual(found - expected, collections.Counter())
                # pahole shows types that clang defines within a structure once more, by themselves.
                missed = [member for member in expected - found if "gcc" in compiler or member[0] == 0]
                self.assertEqual(missed, [])
                self.assertEqual(found_holes, expected_holes)
        types = {row["name"]: row["type"] for row in json.loads(pahole.run(
            "type", "struct declarators", f"{FIXTURES}/{kernel}.kernel", path, "--json"))["rows"]}
        self.assertEqual(types, {"nested": "int (*(*)(void (*)(int)))(struct leaf)", "matrix": "int (*)[4][5]",
                                 "table": "int (*[3])(const struct list *const *)"})


if __name__ == "__main__":
    pahole.PROGRAM.extend(sys.argv[1:-1])
    if not pahole.PROGRAM:
        sys.exit(__doc__)
    FIXTURES = sys.argv[-1]
    unittest.main(argv=[sys.argv[0]])
