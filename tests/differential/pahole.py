#!/usr/bin/env python3
"""`panicroom type` against pahole on the same kernel's BTF: every member's place, size, bits and type, and every hole.

usage: pahole.py PROGRAM [ARGUMENT...] DUMP    PROGRAM is the command line to test, native or wasm.
"""

import collections
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM: list[str] = []
DUMP = ""
# Bit-fields, unions, anonymous members, arrays of structures, function pointers, flexible arrays.
STRUCTURES = """
address_space bio block_device bpf_prog cred css_set dentry device ethhdr fdtable file files_struct fs_struct
hlist_node hrtimer_cpu_base inode iphdr irq_desc kmem_cache kobject list_head maple_node mem_cgroup mm_struct module
mount mutex neighbour net net_device nsproxy page perf_event pid pipe_inode_info pt_regs request_queue rq
rt_mutex_base sched_entity sighand_struct signal_struct sk_buff sock socket super_block swap_info_struct task_struct
tcp_sock tcphdr thread_struct timer_list tty_struct uts_namespace vfsmount vm_area_struct vm_struct wait_queue_entry
workqueue_struct xarray zone
""".split()

MEMBER = re.compile(r"^(\t+)(.*?)\s*/\*\s+(\d+)(?::\s*(\d+))?\s+(\d+)\s*\*/$")
BYTE_HOLE = re.compile(r"^\t/\* XXX (\d+) bytes? hole")
BIT_HOLE = re.compile(r"^\t/\* XXX (\d+) bits? hole")


def run(*arguments):
    return subprocess.run([*PROGRAM, *arguments, DUMP], capture_output=True, check=True).stdout


def btf_file(folder):
    rows = {row["name"]: int(row["address"], 16) for row in csv.DictReader(io.StringIO(
        run("symbols", "__start_BTF", "__stop_BTF", "--csv").decode()))}
    start, stop = rows["__start_BTF"], rows["__stop_BTF"]
    path = f"{folder}/vmlinux.btf"
    with open(path, "wb") as out:
        out.write(run("read", "--raw", hex(start), str(stop - start)))
    return path


def plain(declaration):
    """A type without blanks and without what pahole adds or writes in another way."""
    text = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", declaration).replace("[0]", "[]")
    return re.sub(r"\s+", "", text)


def split(declaration):
    """(name, type without it, bits) of a member as pahole writes it."""
    text = re.sub(r"__attribute__\(\(.*?\)\)\)?", "", declaration).strip().rstrip(";").strip()
    bits = re.search(r":(\d+)$", text)
    text = text[: bits.start()] if bits else text
    if text.startswith("}"):
        match = re.search(r"^\}\s*(\w*)", text)
        return match.group(1), None, int(bits.group(1)) if bits else None
    function = re.search(r"\(\**(?:\s*\w+\s+)*\s*(\w+)(\[\d+\])*\)\(", text)
    match = function or re.search(r"(\w+)((?:\[\d*\])*)$", text)
    begin, end = match.span(1)
    return match.group(1), plain(text[:begin] + text[end:]), int(bits.group(1)) if bits else None


def by_pahole(path, structure, source="btf"):
    text = subprocess.run(["pahole", "-F", source, "-C", structure, path], capture_output=True, check=True).stdout.decode()
    members, holes = collections.Counter(), collections.Counter()
    for line in text.split("\n"):
        if match := MEMBER.match(line):
            tabs, declaration, offset, bit, size = match.groups()
            name, type_, bits = split(declaration)
            members[(len(tabs) - 1, name, int(offset), int(size), int(bit) if bit else None, bits, type_)] += 1
        elif match := BYTE_HOLE.match(line):
            holes[("bytes", int(match.group(1)))] += 1
        elif match := BIT_HOLE.match(line):
            holes[("bits", int(match.group(1)))] += 1
    return members, holes


def by_ours(structure, *files):
    members, holes = collections.Counter(), collections.Counter()
    for row in json.loads(run("type", f"struct {structure}", *files, "--json"))["rows"]:
        if row["what"] == "hole":
            if row["depth"] == 0:
                holes[("bytes", row["size"]) if row["bit_size"] is None else ("bits", row["bit_size"])] += 1
            continue
        opened = "{...}" in row["type"] and "*" not in row["type"]
        members[(row["depth"], row["name"] or "", row["offset"], row["size"], row["bit_offset"], row["bit_size"],
                 None if opened else plain(row["type"]))] += 1
    return members, holes


class Pahole(unittest.TestCase):
    maxDiff = None

    def test_layouts(self):
        compared = 0
        with tempfile.TemporaryDirectory() as folder:
            path = btf_file(folder)
            for structure in STRUCTURES:
                with self.subTest(structure=structure):
                    expected, expected_holes = by_pahole(path, structure)
                    self.assertTrue(expected, "pahole prints no members")
                    found, found_holes = by_ours(structure)
                    self.assertEqual(found - expected, collections.Counter())
                    self.assertEqual(expected - found, collections.Counter())
                    self.assertEqual(found_holes, expected_holes)
                    compared += 1
        self.assertGreaterEqual(compared, 50)


if __name__ == "__main__":
    PROGRAM.extend(sys.argv[1:-1])
    if not PROGRAM:
        sys.exit(__doc__)
    DUMP = sys.argv[-1]
    unittest.main(argv=[sys.argv[0]])
