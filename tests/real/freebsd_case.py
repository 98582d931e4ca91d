#!/usr/bin/env python3
"""The published FreeBSD dumps against their published truth, through the command line.

usage: freebsd_case.py PROGRAM [ARGUMENT...]    PROGRAM is the command line to test, native or wasm.
The dumps are found in $PANICROOM_CASES/freebsd-amd64 (see docs/testing.md).
"""
import bz2
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = []
CASES = os.path.join(os.environ.get("PANICROOM_CASES", ""), "freebsd-amd64")


def run(*arguments):
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def table(*arguments):
    status, out, err = run(*arguments, "--json")
    assert status == 0, f"{arguments}: status {status}: {err}"
    return json.loads(out)


class Case:
    """One dump: its files unpacked for the tests, and its truth."""

    directory = None

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.dump = os.path.join(cls.directory.name, cls.archive.removesuffix(".bz2"))
        with bz2.open(os.path.join(CASES, cls.archive)) as packed, open(cls.dump, "wb") as plain:
            plain.write(packed.read())
        cls.kernel = os.path.join(CASES, "kernel.zst")
        with open(os.path.join(CASES, "truth.json"), encoding="utf-8") as text:
            cls.truth = json.load(text)[cls.key]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_every_thread_is_the_published_one(self):
        rows = table("threads", self.dump, self.kernel)["rows"]
        self.assertEqual(len(rows), len(self.truth["threads"]))
        by_tid = {row["tid"]: row for row in rows}
        for thread in self.truth["threads"]:
            row = by_tid[thread["tid"]]
            self.assertEqual(row["pid"], thread["pid"])
            self.assertEqual(row["process"], thread["comm"])
            self.assertEqual(row["name"], thread["td_name"])
            self.assertEqual(row["cpu"], None if thread["oncpu"] == -1 else thread["oncpu"])
            self.assertEqual(row["crashed"], "(crashed)" in thread["name"])
            self.assertEqual(row["address"], thread["td"])
            self.assertEqual(int(row["pc"], 16), int(thread["regs"]["rip"], 16))
            self.assertEqual(int(row["sp"], 16), int(thread["regs"]["rsp"], 16))

    def test_every_stack_is_the_published_one(self):
        stacks = {}
        for row in table("stack", self.dump, self.kernel)["rows"]:
            self.assertEqual(row["frame"], len(stacks.setdefault(row["tid"], [])))
            stacks[row["tid"]].append(int(row["pc"], 16))
        for thread in self.truth["threads"]:
            self.assertEqual(stacks[thread["tid"]], [int(pc, 16) for pc in thread["bt_fp"]], thread["name"])

    def test_every_process_is_there(self):
        rows = table("ps", self.dump, self.kernel)["rows"]
        seen = {(row["pid"], row["name"], row["address"]) for row in rows}
        self.assertEqual(seen, {(t["pid"], t["comm"], t["proc"]) for t in self.truth["threads"]})

    def test_published_variables(self):
        for name, value in self.truth["debugger_symbols"].items():
            row = table("read", name, "4", self.dump, self.kernel)["rows"][0]
            self.assertEqual(int.from_bytes(bytes.fromhex(row["bytes"]), "little"), value, name)

    def test_crashed_thread_is_named(self):
        crashed = next(t for t in self.truth["threads"] if "(crashed)" in t["name"])
        row = table("info", self.dump, self.kernel)["rows"][0]
        self.assertEqual(row["crashed_tid"], crashed["tid"])
        self.assertEqual(row["crashed_pid"], crashed["pid"])
        self.assertEqual(row["crashed_cpu"], crashed["oncpu"])
        self.assertEqual(row["crashed_name"], crashed["td_name"])
        self.assertEqual(row["system"], "FreeBSD")

    def test_unknown_is_null_with_a_note(self):
        answer = table("ps", self.dump, self.kernel)
        self.assertTrue(all(row["uid"] is None and row["ppid"] is None for row in answer["rows"]))
        self.assertTrue(any(note["code"] == "no_type" for note in answer["notes"]))

    def test_without_the_kernel_file_it_is_said_what_to_give(self):
        status, out, err = run("ps", self.dump)
        self.assertEqual((status, out), (1, ""))
        self.assertIn("kernel file", err)
        self.assertTrue(err.splitlines()[-1].startswith("panicroom: " + self.dump + ": "), err)


class Minidump(Case, unittest.TestCase):
    archive = "vmcore-amd64-minidump.bz2"
    key = "amd64-minidump"

    def test_format(self):
        row = table("info", self.dump, self.kernel)["rows"][0]
        self.assertIn("minidump v3", row["format"])

    def test_holes_between_the_ranges_are_refused(self):
        for address in (0xFFFFF8000009F000, 0xFFFFF800000A0000, 0xFFFFF800000C8123, 0xFFFFF80000103FF8):
            status, out, _ = run("read", hex(address), "8", self.dump, "--json")
            answer = json.loads(out)
            self.assertEqual(status, 1)
            self.assertIsNone(answer["rows"][0]["bytes"], hex(address))
            self.assertEqual(answer["notes"][0]["code"], "not_in_dump")

    def test_a_page_behind_the_end_of_the_file_is_truncated_not_zero(self):
        rows = table("ranges", self.dump)["rows"]
        missing = [row for row in rows if row["reason"] == "truncated"]
        self.assertTrue(missing)
        # The file may end within a page, whose first bytes are then there: look at the range's end.
        last = hex(int(missing[0]["end"], 16) - 8)
        status, _, err = run("read", "--physical", last, "8", self.dump)
        self.assertEqual(status, 1)
        self.assertIn("truncated", run("translate", "--physical", last, self.dump)[1] + err)


class FullDump(Case, unittest.TestCase):
    archive = "vmcore-amd64-full.bz2"
    key = "amd64-full"

    def test_format(self):
        row = table("info", self.dump, self.kernel)["rows"][0]
        self.assertIn("ELF", row["format"])


if __name__ == "__main__":
    PROGRAM = sys.argv[1:]
    if not PROGRAM or not os.path.isdir(CASES):
        sys.exit(__doc__ + f"\nno cases in {CASES!r}" if PROGRAM else __doc__)
    unittest.main(argv=[sys.argv[0]], verbosity=1)
