#!/usr/bin/env python3
"""`panicroom print` against what crash said of the same dump: every member of 50 kernel structures.

usage: crash_values.py RECORD DUMP PROGRAM [ARGUMENT...]    RECORD is a folder that record_peers.py wrote of DUMP, or of the dump
                                                            that it was reduced from; PROGRAM is the command line to test.
"""

import collections
import json
import re
import subprocess
import sys
import unittest

from recorded_answers import crash_answers

RECORD = DUMP = ""
PROGRAM: list[str] = []
# (structure, what `panicroom print` finds it by: a symbol, or [type, expression] whose value points to it)
OBJECTS = [
    ("task_struct", "init_task"), ("net", "init_net"), ("uts_namespace", "init_uts_ns"), ("nsproxy", "init_nsproxy"),
    ("cred", "init_cred"), ("fs_struct", "init_fs"), ("files_struct", "init_files"), ("signal_struct", "init_signals"),
    ("sighand_struct", "init_sighand"), ("pid_namespace", "init_pid_ns"), ("user_namespace", "init_user_ns"),
    ("mm_struct", "init_mm"), ("css_set", "init_css_set"), ("pid", "init_struct_pid"), ("group_info", "init_groups"),
    ("user_struct", "root_user"), ("ipc_namespace", "init_ipc_ns"), ("cgroup_namespace", "init_cgroup_ns"),
    ("inet_hashinfo", "tcp_hashinfo"), ("udp_table", "udp_table"), ("proto", "tcp_prot"), ("proto", "unix_dgram_proto"),
    ("file_system_type", "proc_fs_type"), ("file_system_type", "sockfs_fs_type"), ("super_operations", "proc_sops"),
    ("file_operations", "pipefifo_fops"), ("bus_type", "pci_bus_type"), ("bus_type", "platform_bus_type"),
    ("device", "platform_bus"), ("cgroup_subsys", "cpu_cgrp_subsys"), ("sched_class", "fair_sched_class"),
    ("resource", "iomem_resource"), ("resource", "ioport_resource"), ("proc_dir_entry", "proc_root"),
    ("kernfs_ops", "sysfs_file_kfops_rw"), ("clocksource", "clocksource_jiffies"),
    ("task_group", "root_task_group"), ("root_domain", "def_root_domain"), ("console", "early_serial_console"),
    ("irq_chip", "no_irq_chip"), ("irqaction", "chained_action"), ("notifier_block", "panic_block"),
    ("task_struct", ["struct task_struct", "init_task.tasks.next", "tasks"]),
    ("dentry", ["struct fs_struct", "init_fs.root.dentry"]), ("vfsmount", ["struct fs_struct", "init_fs.root.mnt"]),
    ("inode", ["struct fs_struct", "init_fs.root.dentry->d_inode"]),
    ("super_block", ["struct fs_struct", "init_fs.root.dentry->d_sb"]),
    ("module", ["struct list_head", "modules.next", "list"]), ("kset", ["struct bus_type", "pci_bus_type.p->drivers_kset"]),
    ("net_device", ["struct net", "init_net.loopback_dev"]), ("in_device", ["struct net", "init_net.loopback_dev->ip_ptr"]),
    ("mnt_namespace", ["struct nsproxy", "init_nsproxy.mnt_ns"]),
    ("cgroup_root", ["struct css_set", "init_css_set.dfl_cgrp->root"]),
    ("address_space", ["struct fs_struct", "init_fs.root.dentry->d_inode->i_mapping"]),
    ("task_struct", ["struct task_struct", "init_task.children.prev", "sibling"]),
    ("mm_struct", ["struct task_struct", "init_task.children.next", "sibling", "mm"]),
    ("backing_dev_info", ["struct fs_struct", "init_fs.root.dentry->d_sb->s_bdi"]), ("subsys_private", ["struct bus_type", "pci_bus_type.p"]),
]


def ours(*arguments):
    done = subprocess.run([*PROGRAM, *arguments, DUMP, "--json"], capture_output=True, check=False)
    return json.loads(done.stdout)["rows"] if done.stdout else []


def number(text):
    match = re.match(r"-?(0x[0-9a-f]+|\d+)", text)
    return int(match.group(0), 0) if match else None


def pointer(type_, expression):
    return number(ours("print", type_, expression)[0]["value"])


def address_of(structure, way):
    """Where an object lies."""
    if way is None:
        return None
    if isinstance(way, str):
        rows = ours("symbols", way)
        return int(rows[0]["address"], 16) if rows else None
    value = pointer(way[0], way[1])
    if len(way) > 2:  # through a list_head: back to the start of the structure that holds it
        holder = way[3] and "task_struct" if len(way) > 3 else structure
        value -= next(row["offset"] for row in ours("type", f"struct {holder}") if row["name"] == way[2])
        if len(way) > 3:
            value = pointer(f"struct {holder}", f"{value:#x}.{way[3]}")
    return value


CHARACTER = re.compile(r"'(?:\\(?:[0-7]{3}|.)|[^'])'")


class Values:
    """gdb's notation of a value, as paths and leaves."""

    def __init__(self, text):
        self.text, self.at, self.leaves = text, 0, {}

    def blank(self):
        while self.at < len(self.text) and self.text[self.at] in " \n\t,":
            self.at += 1

    def scalar(self):
        begin = self.at
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == '"':
                self.at += 1
                while self.text[self.at] != '"':
                    self.at += 2 if self.text[self.at] == "\\" else 1
            elif c == "'":
                self.at = CHARACTER.match(self.text, self.at).end()
                continue
            elif c == "<":
                depth = 0
                while True:
                    depth += {"<": 1, ">": -1}.get(self.text[self.at], 0)
                    if depth == 0:
                        break
                    self.at += 1
            elif c in "}\n" or (c == "," and self.text[self.at + 1 : self.at + 3] not in (' "', " '")):
                break
            self.at += 1
        return self.text[begin:self.at].strip()

    def value(self, path):
        self.blank()
        if self.text[self.at] != "{":
            self.leaves[path] = self.scalar()
            return
        self.at += 1
        items, index = [], 0
        while True:
            self.blank()
            if self.text[self.at] == "}":
                self.at += 1
                break
            match = re.compile(r"(\w+) = ").match(self.text, self.at)
            if match:
                self.at = match.end()
                self.value(f"{path}.{match.group(1)}" if path else match.group(1))
            elif self.text[self.at] == "{":  # an element, or a member without a name
                begin = self.at
                self.skip()
                items.append(self.text[begin:self.at])
                index += 1
            else:
                self.leaves[f"{path}#{index}"] = self.scalar()
                index += 1
        for place, item in enumerate(items):
            inner = Values(item)
            inner.value("")
            for key, text in inner.leaves.items():
                for way in (self.joined(path, key), self.joined(f"{path}[{place}]", key)):
                    self.leaves.setdefault(way, text)

    @staticmethod
    def joined(path, key):
        return path + key if key.startswith(("#", "[")) or not path or not key else f"{path}.{key}"

    def skip(self):
        depth = 0
        while True:
            c = self.text[self.at]
            if c == '"':
                self.at += 1
                while self.text[self.at] != '"':
                    self.at += 2 if self.text[self.at] == "\\" else 1
            elif c == "'":
                self.at = CHARACTER.match(self.text, self.at).end()
                continue
            depth += {"{": 1, "}": -1}.get(c, 0)
            self.at += 1
            if depth == 0:
                break


def leaves_of(text):
    values = Values(text)
    values.value("")
    return values.leaves


def same(mine, theirs):
    """Whether two notations of one leaf say the same."""
    if number(mine) is not None and number(theirs) is not None:
        return number(mine) == number(theirs)
    if mine.startswith('"') and '"' in theirs:
        text = theirs.split('"')[1].rstrip()
        while text.endswith("\\000"):
            text = text[:-4]
        return mine.strip('"') == text or "\\" in text
    return mine == theirs


def characters(text):
    """gdb's `"ab", '\\000' <repeats 14 times>, "c"` as numbers."""
    out = []
    for string, character, repeats in re.findall(r'"((?:\\.|[^"\\])*)"|\'((?:\\(?:[0-7]{3}|.)|[^\']))\' <repeats (\d+) times>', text):
        raw = (string or character).encode().decode("unicode_escape").encode("latin-1")
        out += list(raw) * int(repeats or 1)
    return out


def elements(text):
    """{1, 2, 0 <repeats 14 times>} as a list."""
    out = []
    for item in re.findall(r"([^,{}]+)", text):
        match = re.match(r"\s*(.*?)(?: <repeats (\d+) times>)?\s*$", item)
        out += [match.group(1)] * int(match.group(2) or 1)
    return out


class Crash(unittest.TestCase):
    maxDiff = None

    def test_values(self):
        said = crash_answers(f"{RECORD}/crash-structures.txt")
        self.assertGreaterEqual(len(said), 50)
        compared = collections.Counter()
        for command, text in said.items():
            _, structure, address, way = command.split(" ", 3)
            way = json.loads(way)
            with self.subTest(structure=structure, way=way):
                self.assertEqual(address_of(structure, way), int(address, 16))
                theirs = leaves_of(text[text.index("{"):])
                rows = ours("print", f"struct {structure}", address)
                self.assertTrue(rows)
                wrong = []
                for row in rows:
                    path, value = row["path"], row["value"]
                    if path is None or value is None:
                        continue
                    if value.startswith("{"):
                        mine = elements(value)
                        mine = [item for item in mine if not item.startswith("...")]
                        if path in theirs:  # gdb takes arrays of bytes for texts
                            other = [str(byte) for byte in characters(theirs[path])]
                            other += ["0"] * (len(mine) - len(other))
                        else:
                            other = [theirs[f"{path}#{i}"] for i in range(len(mine)) if f"{path}#{i}" in theirs]
                            other = elements(", ".join(other))[: len(mine)]
                        if len(other) < len(mine) or not all(map(same, mine, other)):
                            wrong.append((path, value[:80], str(other)[:80]))
                    elif path not in theirs:
                        wrong.append((path, value, None))
                    elif not same(value, theirs[path]):
                        wrong.append((path, value, theirs[path]))
                    compared[structure] += 1
                self.assertEqual(wrong, [])
        print(f"{sum(compared.values())} members of {len(said)} objects compared", file=sys.stderr)

    def test_variables_of_processors(self):
        said = crash_answers(f"{RECORD}/crash.txt")["runq"]
        queues = re.findall(r"CPU (\d+) RUNQUEUE: ([0-9a-f]+)\n  CURRENT: PID: \d+ +TASK: ([0-9a-f]+)", said)
        self.assertGreaterEqual(len(queues), 2)
        for cpu, queue, task in queues:
            with self.subTest(cpu=cpu):
                self.assertEqual(int(ours("symbols", "runqueues", "--cpu", cpu)[0]["address"], 16), int(queue, 16))
                printed = ours("print", "runqueues.curr", "--cpu", cpu)[0]
                self.assertEqual(number(printed["value"]), int(task, 16))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    RECORD, DUMP = sys.argv[1:3]
    PROGRAM.extend(sys.argv[3:])
    unittest.main(argv=[sys.argv[0]])
