#!/usr/bin/env python3
"""`panicroom types export`: what `type` and pahole say of the written file equals what they say of its source, which is a
kernel's BTF, that BTF as CTF, and the DWARF of each compiler here.

usage: types_export.py PROGRAM [ARGUMENT...] DUMP FIXTURES    DUMP has BTF; FIXTURES has what `foundry make` makes of
                                                              freebsd-amd64.txt and freebsd-arm64.txt
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
import unittest

import pahole
import pahole_ctf
import pahole_dwarf

FIXTURES = ""
KERNEL = "freebsd-amd64"


def fixture(kernel):
    return f"{FIXTURES}/{kernel}.{kernel.removeprefix('freebsd-')}-v3"


def layout(structure, dump, *files):
    output = subprocess.run([*pahole.PROGRAM, "type", f"struct {structure}", dump, *files, "--json"], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(output)["rows"]


def export(path, dump, *files, names=()):
    subprocess.run([*pahole.PROGRAM, "types", "export", *names, "--output", path, dump, *files], check=True,
                   capture_output=True)


def of_pahole(path, structure, source="btf"):
    """pahole's lines without its own remarks, which differ by what it knows of alignment."""
    text = subprocess.run(["pahole", "-F", source, "-C", structure, path], check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if "/*" in line and not line.strip().startswith("/*")]


class TypesExport(unittest.TestCase):
    maxDiff = 4000

    def test_btf(self):
        dump, kernel = pahole.DUMP, f"{FIXTURES}/{KERNEL}.kernel"
        with tempfile.TemporaryDirectory() as folder:
            source, path = pahole.btf_file(folder), f"{folder}/kernel.types"
            export(path, dump, names=[f"struct {name}" for name in pahole.STRUCTURES])
            for structure in pahole.STRUCTURES:
                with self.subTest(structure=structure):
                    expected = layout(structure, dump)
                    self.assertTrue(expected)
                    self.assertEqual(layout(structure, fixture(KERNEL), kernel, path), expected)
                    self.assertEqual(of_pahole(path, structure), of_pahole(source, structure))
            # What tables ask for is a part of that, without a name; a name alone is small.
            export(path, dump)
            self.assertEqual(layout("task_struct", fixture(KERNEL), kernel, path), layout("task_struct", dump))
            export(path, dump, names=["list_head"])
            self.assertLess(os.path.getsize(path), 1024)
            # It fits its own dump, and no other.
            self.assertNotIn(b"not used", self.remarks("info", dump, path))
            with open(path, "rb") as file:
                blob = bytearray(file.read())
            blob[blob.rindex(b"GNU\0") + 4] ^= 1
            with open(path, "wb") as file:
                file.write(blob)
            self.assertIn(b"the types of another kernel", self.remarks("info", dump, path))

    def remarks(self, *arguments):
        done = subprocess.run([*pahole.PROGRAM, *arguments], check=True, capture_output=True)
        return done.stdout + done.stderr

    def test_ctf(self):
        with tempfile.TemporaryDirectory() as folder:
            source, kernel, path = pahole.btf_file(folder), f"{folder}/kernel", f"{folder}/kernel.types"
            with open(source, "rb") as file:
                contents, _ = pahole_ctf.ctf(file.read(), False)
            with open(f"{folder}/ctf", "wb") as file:
                file.write(contents)
            plain = f"{FIXTURES}/{KERNEL}.kernel"
            subprocess.run(["objcopy", "--add-section", f".SUNW_ctf={folder}/ctf", plain, kernel], check=True)
            export(path, fixture(KERNEL), kernel, names=[f"struct {name}" for name in pahole.STRUCTURES])
            for structure in pahole.STRUCTURES:
                with self.subTest(structure=structure):
                    self.assertEqual(layout(structure, fixture(KERNEL), plain, path),
                                     layout(structure, fixture(KERNEL), kernel))
                    self.assertTrue(of_pahole(path, structure))

    def test_dwarf(self):
        with tempfile.TemporaryDirectory() as folder:
            for compiler in pahole_dwarf.COMPILERS:
                kernel = f"freebsd-{pahole_dwarf.KERNELS.get(compiler, 'amd64')}"
                dump, plain = fixture(kernel), f"{FIXTURES}/{kernel}.kernel"
                for version in (4, 5):
                    source, path = f"{folder}/{compiler}-{version}", f"{folder}/{compiler}-{version}.types"
                    subprocess.run([compiler, "-w", "-g", f"-gdwarf-{version}", *pahole_dwarf.FORMS["linked"],
                                    pahole_dwarf.SOURCE, "-o", source], check=True)
                    names = [*pahole_dwarf.STRUCTURES, "declarators"]
                    export(path, dump, plain, source, names=[f"struct {name}" for name in names])
                    for structure in names:
                        with self.subTest(compiler=compiler, version=version, structure=structure):
                            expected = layout(structure, dump, plain, source)
                            self.assertTrue(expected)
                            self.assertEqual(layout(structure, dump, plain, path), expected)
                            members = collections.Counter(member[:6] for member in pahole.by_pahole(path, structure)[0])
                            by_dwarf = collections.Counter(
                                member[:6] for member in pahole.by_pahole(source, structure, "dwarf")[0])
                            if "gcc" in compiler:
                                self.assertEqual(members, by_dwarf)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    pahole.PROGRAM.extend(sys.argv[1:-2])
    pahole.DUMP, FIXTURES = sys.argv[-2:]
    unittest.main(argv=[sys.argv[0]])
