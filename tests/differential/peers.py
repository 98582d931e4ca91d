#!/usr/bin/env python3
"""The tables of a Linux dump against what crash and drgn said of it.

usage: peers.py RECORD DUMP PROGRAM [ARGUMENT...]    RECORD is a folder that record_peers.py wrote of DUMP, or of the dump that it
                                                     was reduced from; PROGRAM is the command line to test, native or wasm.
"""

import json
import re
import shlex
import subprocess
import sys
import unittest
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from recorded_answers import crash_answers, of_tasks

PROGRAM: list[str] = []
RECORD = Path()
DUMP = ""
PAGE = 4096
STATES = {"RU": "running", "IN": "sleeping", "UN": "uninterruptible", "ID": "idle", "ZO": "zombie", "ST": "stopped", "TR": "traced",
          "R": "running", "S": "sleeping", "D": "uninterruptible", "I": "idle", "Z": "zombie", "T": "stopped", "t": "traced"}
FILE_TYPES = {"CHR": "character device", "BLK": "block device", "FIFO": "pipe", "REG": "file", "DIR": "directory", "SOCK": "socket",
              "UNKN": "anonymous"}
MODES = {0o010000: "pipe", 0o020000: "character device", 0o040000: "directory", 0o060000: "block device", 0o100000: "file",
         0o140000: "socket", 0: "anonymous"}
VM_READ, VM_WRITE, VM_EXEC, VM_MAYSHARE = 1, 2, 4, 0x80  # Linux include/linux/mm.h


@lru_cache(maxsize=None)
def rows(table):
    done = subprocess.run([*PROGRAM, "table", table, "--json", DUMP], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, f"{table}: status {done.returncode}: {done.stderr.decode()}"
    return json.loads(done.stdout)["rows"]


@lru_cache(maxsize=None)
def crash():
    return crash_answers(RECORD / "crash.txt")


@lru_cache(maxsize=None)
def drgn():
    return json.loads((RECORD / "drgn.json").read_text(encoding="utf-8"))


def number(text):
    return int(text, 16)


def printable(name):
    """A name by what every program prints alike: neither blanks, controls, bytes over 127 nor their escapes."""
    return re.sub(r"\\x[0-9a-f]{2}|\\[0-9]{3}|[^!-~]", "", name)


def path_of(text):
    """crash ends the path of a mount's root with a slash."""
    return text.rstrip("/") or "/"


def access(flags):
    letters = "".join(letter if flags & bit else "-" for bit, letter in ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x")))
    return letters + ("s" if flags & VM_MAYSHARE else "p")


# Labels in assembly code: their symbols lie within the one that drgn takes by its size.
LABELS = {"secondary_startup_64_no_verify": "secondary_startup_64", "entry_SYSCALL_64_after_hwframe": "entry_SYSCALL_64"}


def plain(symbol):
    """A function's name without what the compiler added to it; of a system call's two names for one address always the same."""
    symbol = re.sub(r"\.(isra|constprop|part|cold)\b.*", "", symbol or "")
    return LABELS.get(symbol, re.sub("^__do_sys_", "__x64_sys_", symbol))


def joined(lines, known):
    """Lines, of which one that does not match `known` continues the one before: a name had a line feed."""
    whole = []
    for line in lines:
        if re.match(known, line):
            whole.append(line)
        else:
            whole[-1] += line
    return whole


def frames_of_ours():
    frames = {}
    for row in rows("frames"):
        if row["inlined"]:
            continue
        frames.setdefault((row["tid"], row["name"]), []).append(row)
    return {number(thread["address"]): frames.get((thread["tid"], thread["name"]), []) for thread in rows("threads")}


class Peers(unittest.TestCase):
    maxDiff = None

    def same(self, ours, theirs, at_least=1):
        self.assertGreaterEqual(len(theirs), at_least)
        self.assertEqual({key: ours.get(key) for key in theirs}, theirs)
        self.assertEqual(set(ours), set(theirs))


class Crash(Peers):
    @staticmethod
    def without_leader():
        """Processes of which crash was asked for the leader's files and memory, when that had exited before its threads."""
        return {row["pid"] for row in rows("processes") if row["state"] == "zombie" and row["threads"] > 1}

    def test_sys(self):
        said = dict(re.findall(r"^ *([A-Z ]+): (.*)$", crash()["sys"], re.M))
        [row] = rows("dump")
        self.assertEqual((row["nodename"], row["release"], row["version"], row["architecture"]),
                         (said["NODENAME"], said["RELEASE"], said["VERSION"], said["MACHINE"].split()[0]))
        self.assertEqual(datetime.strptime(row["time"], "%Y-%m-%dT%H:%M:%SZ"), datetime.strptime(said["DATE"], "%a %b %d %H:%M:%S UTC %Y"))
        self.assertEqual(row["panic"], said["PANIC"].strip('"'))
        hours, minutes, seconds = map(int, said["UPTIME"].split(":"))
        self.assertEqual(int(row["uptime"]), (hours * 60 + minutes) * 60 + seconds)
        self.assertEqual(len(rows("threads")), int(said["TASKS"]))
        self.assertEqual(row["cpus"], int(said["CPUS"].split()[0]))
        [load] = rows("load")
        self.assertEqual([f"{load[name]:.2f}" for name in ("load1", "load5", "load15")], said["LOAD AVERAGE"].split(", "))

    def tasks(self):
        """(active, pid, ppid, cpu, task, state, size, resident, name)"""
        found = []
        for line in crash()["ps"].splitlines()[1:]:
            match = re.match(r"([> ]) *(\d+) +(\d+) +(\d+) +([0-9a-f]{16}) +(\w\w) +[\d.]+ +(\d+) +(\d+) *(.*)$", line)
            if not match:  # a name with a line feed
                found[-1] = found[-1][:-1] + (found[-1][-1] + line,)
                continue
            active, pid, ppid, cpu, task, state, size, resident, name = match.groups()
            found.append((active == ">", int(pid), int(ppid), int(cpu), number(task), STATES[state], int(size), int(resident), name))
        return found

    def test_ps(self):
        ours = {number(row["address"]): row for row in rows("threads")}
        processes = {row["pid"]: row for row in rows("processes")}
        said = self.tasks()
        self.assertGreater(len(said), 100)
        self.assertEqual(set(ours), {task[4] for task in said})
        counted = {row["pid"]: row for row in drgn()["processes"]}
        for active, pid, ppid, cpu, task, state, size, resident, name in said:
            with self.subTest(pid=pid, name=name):
                row = ours[task]
                process = processes[row["pid"]]
                self.assertEqual((row["tid"], row["state"], row["last_cpu"], row["cpu"] is not None), (pid, state, cpu, active))
                self.assertEqual(process["ppid"] or 0, ppid)
                if process["size"] is None:
                    name = re.sub(r"^\[(.*)\]$", r"\1", name)
                self.assertEqual(printable(row["name"]), printable(name))
                if row["pid"] in self.without_leader():
                    continue  # crash tells the memory of the thread, we and /proc that of the leader: none
                self.assertEqual((process["size"] or 0) // 1024, size)
                # crash adds what the threads have not yet given to their process's counters, as drgn reads it; /proc does not.
                held = counted[row["pid"]].get("resident_of_threads", 0)
                self.assertEqual((process["resident"] or 0) + held, resident * 1024)

    def test_times(self):
        ours = {number(row["address"]): row for row in rows("processes")}
        compared = 0
        for pid, task, lines in of_tasks(crash()["ps -t"]):
            said = dict(re.findall(r"^ *([A-Z ]+): (.*)$", "\n".join(lines), re.M))
            if task in ours and pid:
                with self.subTest(pid=pid):
                    # The kernel asks its clock twice: for crash's time and for that of /proc, which counts suspended time too.
                    self.assertAlmostEqual(ours[task]["start"], int(said["START TIME"]) / 1e9, delta=1e-3)
                    compared += 1
        self.assertGreater(compared, 80)

    def test_files(self):
        ours = {(row["pid"], row["fd"]): row for row in rows("files")}
        processes = {row["pid"]: row for row in rows("processes")}
        seen, paths = set(), 0
        for pid, _, lines in of_tasks(crash()["foreach gleader files"]):
            for line in joined(lines, r"$| *\d+ [0-9a-f]{16} | FD |ROOT: |No open files"):
                if match := re.match(r"ROOT: (\S+) +CWD: (.*)$", line):
                    if processes[pid]["size"] is not None:
                        self.assertEqual((processes[pid]["root"], processes[pid]["directory"]), tuple(map(path_of, match.groups())))
                    continue
                match = re.match(r" *(\d+) ([0-9a-f]{16}) ([0-9a-f]{16}|\?) +([0-9a-f]{16}|\?) +(\w+) *(.*)$", line)
                if not match:
                    self.assertRegex(line, r"^$|^ FD |^No open files")
                    continue
                fd, file, _, _, type_, path = match.groups()
                with self.subTest(pid=pid, line=line):
                    row = ours[pid, int(fd)]
                    self.assertEqual((number(row["address"]), row["type"]), (number(file), FILE_TYPES[type_]))
                    seen.add((pid, int(fd)))
                    if row["device"] and row["path"].startswith("/") and not row["path"].startswith("/memfd:"):
                        self.assertEqual(printable(row["path"]), printable(path_of(path)))
                        paths += 1
        self.assertEqual(seen, {key for key in ours if key[0] not in self.without_leader()})
        self.assertGreater(paths, 100)

    def test_vm(self):
        ours = {(row["pid"], number(row["address"])): row for row in rows("maps")}
        seen, files = set(), 0
        for pid, _, lines in of_tasks(crash()["foreach gleader vm"]):
            for line in lines:
                match = re.match(r"([0-9a-f]{16}) +([0-9a-f]+) +([0-9a-f]+) +([0-9a-f]+) ?(.*)$", line)
                if not match or line.endswith("k"):
                    self.assertRegex(line, r"^$|^ +MM|k$|^ +VMA")
                    continue
                with self.subTest(pid=pid, line=line):
                    area, start, end, flags = map(number, match.groups()[:4])
                    row = ours[pid, area]
                    self.assertEqual((number(row["start"]), number(row["end"]), row["access"]), (start, end, access(flags)))
                    if row["inode"] is not None and not row["path"].startswith(("/memfd:", "/SYSV", "/dev/zero")):
                        self.assertEqual(row["path"], match[5])
                        files += 1
                    seen.add((pid, area))
        self.assertEqual(seen, {key for key in ours if key[0] not in self.without_leader()})
        self.assertGreater(files, 100)

    def test_mod(self):
        self.same({number(row["address"]): (row["name"], number(row["base"]), row["size"]) for row in rows("modules")},
                  {number(module): (name, number(base), int(size)) for module, name, base, size in
                   re.findall(r"^([0-9a-f]{16}) +(\S+) +([0-9a-f]{16}) +(\d+)", crash()["mod"], re.M)}, 5)

    def test_mount(self):
        theirs = {}
        for command, said in crash().items():
            if command.startswith("mount"):
                for mount, type_, source, path in re.findall(r"^([0-9a-f]{16}) [0-9a-f]{16} +(\S+) +(\S+) +(\S+)$", said, re.M):
                    theirs[number(mount)] = (type_, source, path)
        self.same({number(row["address"]): (row["type"], row["source"], row["path"]) for row in rows("mounts")}, theirs, 10)

    def test_swap(self):
        self.same({number(row["address"]): (row["type"].upper(), row["size"] // 1024, row["used"] // 1024, row["priority"], row["path"])
                   for row in rows("swap")},
                  {number(area): (type_, int(size), int(used), int(priority), path) for area, type_, size, used, priority, path in
                   re.findall(r"^([0-9a-f]{16}) +(\w+) +(\d+)k +(\d+)k +\d+% +(-?\d+) +(\S+)$", crash()["swap"], re.M)})

    def test_kmem_i(self):
        said = {name.strip(): int(pages) * PAGE for name, pages in re.findall(r"^ *([A-Z ]+?)  +(\d+) ", crash()["kmem -i"], re.M)}
        ours = {row["name"]: row["bytes"] for row in rows("memory")}
        ours["SwapUsed"] = ours["SwapTotal"] - ours["SwapFree"]
        for name, key in (("MemTotal", "TOTAL MEM"), ("MemFree", "FREE"), ("SwapTotal", "TOTAL SWAP"), ("SwapUsed", "SWAP USED"),
                          ("SwapFree", "SWAP FREE"), ("Slab", "SLAB")):
            with self.subTest(name=name):
                self.assertEqual(ours[name], said[key])
        self.assertEqual(ours["Cached and Buffers"], said["CACHED"] + said["BUFFERS"])

    def test_kmem_s(self):
        ours = {number(row["address"]): row for row in rows("slabs")}
        lines = re.findall(r"^([0-9a-f]{16}) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)k +(\S+)$", crash()["kmem -s"], re.M)
        self.assertGreater(len(lines), 100)
        self.assertEqual(set(ours), {number(line[0]) for line in lines})
        for cache, size, allocated, total, slabs, slab_size, name in lines:
            row = ours[number(cache)]
            with self.subTest(name=name):
                self.assertEqual((row["name"], row["objects"]), (name, int(total)))
                self.assertEqual(row["bytes"], int(slabs) * int(slab_size) * 1024)
                # crash leaves the allocator's padding out, and the objects that processors keep at hand.
                self.assertLessEqual(int(size), row["object_size"])
                self.assertLessEqual(int(allocated), row["in_use"])

    def test_kmem_z(self):
        theirs = {}
        for part in crash()["kmem -z"].split("NODE: ")[1:]:
            node, address, name = re.match(r"(\d+)  ZONE: \d+  ADDR: (\w+)  NAME: \"(\w+)\"", part).groups()
            if "NR_FREE_PAGES" in part:
                low = re.search(r"MIN/LOW/HIGH: (\d+)/(\d+)/(\d+)", part).groups()
                size = re.search(r"PRESENT: (\d+)", part) or re.search(r"SIZE: (\d+)", part)
                free = re.search(r"NR_FREE_PAGES: (\d+)", part)
                theirs[number(address)] = (int(node), name, *(int(pages) * PAGE for pages in (size[1], free[1], *low)))
        self.same({number(row["address"]): (row["node"], row["name"], row["size"], row["free"], row["min"], row["low"], row["high"])
                   for row in rows("zones")}, theirs, 2)

    def test_log(self):
        lines = crash()["log"].splitlines()
        self.assertGreater(len(lines), 300)
        self.assertEqual(len(rows("log")), len(lines))
        for row, line in zip(rows("log"), lines):  # only a record's first line has its time
            blank = line.startswith(" " * 15)
            self.assertEqual((" " * 15 if blank else f"[{row['time']:12.6f}] ") + row["text"].rstrip(), line)

    def test_irq(self):
        handlers = {}
        for line in crash()["irq"].splitlines()[1:]:
            match = re.match(r" *(\d+)   ([0-9a-f]{16})  [0-9a-f]{16}  \"(.*)\"$", line)
            handlers[int(match[1])] = (number(match[2]), match[3])
        numbered = [row for row in rows("interrupts") if row["number"] is not None]
        self.same({row["number"]: (number(row["address"]), row["handlers"]) for row in numbered}, handlers, 5)
        counts = {}
        for line in crash()["irq -s"].splitlines()[1:]:
            number_, *words = line.replace(":", "").split()
            counts[int(number_)] = (" ".join(words[:2]), words[2])
        self.same({row["number"]: (row["per_cpu"], f"{row['controller']}-{row['name']}") for row in numbered}, counts, 5)

    def test_net(self):
        ours = {(row["pid"], row["fd"]): row for row in rows("sockets") if row["pid"] is not None}
        seen, ends = set(), 0
        for pid, _, lines in of_tasks(crash()["foreach gleader net -s"]):
            for line in lines:
                match = re.match(r" *(\d+) [0-9a-f]{16} ([0-9a-f]{16}) ([\w/]+):(\w+) *(\S*) *(\S*)$", line)
                if not match:
                    self.assertRegex(line, r"^$|^FD |^No open sockets")
                    continue
                fd, sock, family, type_, local, remote = match.groups()
                with self.subTest(pid=pid, line=line):
                    row = ours[pid, int(fd)]
                    self.assertEqual(number(row["address"]), number(sock))
                    seen.add((pid, int(fd)))
                    if family == "UNIX":
                        kinds = {"STREAM": "unix stream", "DGRAM": "unix datagram", "SEQPACKET": "unix seqpacket"}
                        self.assertEqual(row["protocol"], kinds[type_])
                    if family == "INET" and type_ in ("STREAM", "DGRAM"):
                        self.assertEqual(row["protocol"], {"STREAM": "tcp", "DGRAM": "udp"}[type_])
                        for mine, other in ((row["local"], local), (row["remote"], remote)):
                            self.assertEqual((mine or "0.0.0.0:*").replace(":*", ":0"), other.replace("-", ":"))
                            ends += 1
        self.assertEqual(seen, set(ours))
        self.assertGreaterEqual(ends, 8)

    def test_runq(self):
        parts = re.split(r"^CPU (\d+) RUNQUEUE: .*\n", crash()["runq"], flags=re.M)
        theirs = {}
        for cpu, part in zip(parts[1::2], parts[2::2]):
            tasks = re.findall(r"PID: (\d+) +TASK: ([0-9a-f]+)", part)
            theirs[int(cpu)] = (int(tasks[0][0]), number(tasks[0][1]), len(tasks))
        self.same({row["cpu"]: (row["tid"], number(row["current"]), row["runnable"]) for row in rows("cpus")}, theirs, 2)

    def test_bt(self):
        ours = frames_of_ours()
        said = of_tasks(crash()["foreach bt"])
        [crashed] = (number(row["address"]) for row in rows("threads") if row["crashed"])
        self.assertEqual({task for _, task, _ in said}, set(ours))
        compared = 0
        for pid, task, lines in said:
            theirs = []
            for at, line in enumerate(lines):
                if match := re.match(r" *#\d+ \[[0-9a-f]+\] (\S+) at ([0-9a-f]+)", line):
                    theirs.append((number(match[2]), plain(match[1])))
                elif match := re.match(r" *\[exception RIP: ([^+\]]+)", line):
                    theirs.append((number(re.search(r"RIP: ([0-9a-f]+)", lines[at + 1])[1]), plain(match[1])))
            with self.subTest(pid=pid):
                self.assertEqual(not theirs, "(no stack)" in lines)
                mine = [(number(row["pc"]), plain(row["symbol"])) for row in ours[task]]
                if crashed == task:  # crash begins where the panic began
                    self.assertIn(theirs[0], mine)
                    mine = mine[mine.index(theirs[0]):]
                self.assertEqual(mine, theirs)
                compared += len(theirs)
        self.assertGreater(compared, 700)


class Drgn(Peers):
    def check_paths(self, table, key):
        """drgn names what has no path by its file system."""
        theirs = {(row["pid"], row[key]): row["path"] for row in drgn()[table] if (row["path"] or "").startswith("/")}
        self.assertGreater(len(theirs), 100)
        self.assertEqual({(row["pid"], row[key]): row["path"] for row in rows(table) if (row["pid"], row[key]) in theirs}, theirs)

    def test_processes(self):
        ours = {number(row["address"]): row for row in rows("processes")}
        said = drgn()["processes"]
        self.assertGreater(len(said), 80)
        self.assertEqual(set(ours), {number(row["address"]) for row in said})
        texts = 0
        for theirs in said:
            row = ours[number(theirs["address"])]
            with self.subTest(pid=row["pid"]):
                for key in ("pid", "uid", "ruid", "threads", "size", "resident", "executable"):
                    self.assertEqual(row[key], theirs.get(key), key)
                if row["pid"]:  # the kernel's own are children of init, which started them
                    self.assertEqual(row["ppid"] or 0, theirs["ppid"])
                self.assertEqual((row["state"], printable(row["name"])), (STATES[theirs["state"]], printable(theirs["name"])))
                for key in ("arguments", "environment"):
                    if theirs.get(key) is not None:
                        mine = shlex.split(row[key] or "")
                        self.assertEqual([printable(word) for word in mine], [printable(word) for word in theirs[key]])
                        texts += 1
        self.assertGreater(texts, 50)

    def test_threads(self):
        self.same({row["address"]: (row["pid"], row["tid"], printable(row["name"]), row["state"], row["last_cpu"])
                   for row in rows("threads")},
                  {row["address"]: (row["pid"], row["tid"], printable(row["name"]), STATES[row["state"]], row["last_cpu"])
                   for row in drgn()["threads"]}, 100)
        times = {row["address"]: row["run_time"] / 1e9 for row in drgn()["threads"]}
        for row in rows("threads"):
            self.assertAlmostEqual(row["run_time"], times[row["address"]], delta=1e-6)

    def test_frames(self):
        ours = frames_of_ours()
        said = {number(row["address"]): row for row in drgn()["frames"]}
        self.assertEqual(set(ours), set(said))
        states = {number(row["address"]): row["state"] for row in rows("threads")}
        compared = 0
        for task, row in said.items():
            with self.subTest(tid=row["tid"]):
                # A dead thread has given its stack back (Linux kernel/sched/core.c, finish_task_switch); drgn reads what it left.
                theirs = row["frames"] if states[task] != "zombie" else []
                self.assertEqual([[frame["pc"], frame["sp"], plain(frame["symbol"])] for frame in ours[task]],
                                 [[pc, sp, plain(symbol)] for pc, sp, symbol in theirs])
                compared += len(row["frames"])
        self.assertGreater(compared, 700)

    def test_files(self):
        self.same({(row["pid"], row["fd"]): (row["address"], row["inode"], row["type"], row["position"], row["size"])
                   for row in rows("files")},
                  {(row["pid"], row["fd"]): (row["address"], row["inode"], MODES[row["mode"] & 0o170000], row["position"], row["size"])
                   for row in drgn()["files"]}, 100)
        self.check_paths("files", "fd")

    def test_sockets(self):
        opened = [row for row in rows("sockets") if row["pid"] is not None]
        states = {row["inode"]: row["state"] for row in opened}
        self.same({(row["pid"], row["fd"]): (row["address"], row["inode"]) for row in opened},
                  {(row["pid"], row["fd"]): (row["address"], row["inode"]) for row in drgn()["sockets"]}, 10)
        tcp = {row["inode"]: row["state"].removeprefix("TCP_").lower() for row in drgn()["sockets"] if "state" in row}
        self.assertGreaterEqual(len(tcp), 3)
        self.assertEqual({inode: states[inode] for inode in tcp}, tcp)

    def test_maps(self):
        self.same({(row["pid"], row["start"]): (row["end"], row["address"], row["access"]) for row in rows("maps")},
                  {(row["pid"], row["start"]): (row["end"], row["address"], access(row["flags"])) for row in drgn()["maps"]}, 400)
        self.check_paths("maps", "start")

    def test_modules(self):
        columns = ("name", "address", "base", "size", "references")
        self.assertEqual([[row[name] for name in columns] for row in rows("modules")],
                         [[row[name] for name in columns] for row in drgn()["modules"]])

    def test_mounts(self):
        columns = ("namespace", "source", "path", "type", "id")
        self.same({row["address"]: [row[name] for name in columns] for row in rows("mounts")},
                  {row["address"]: [row[name] for name in columns] for row in drgn()["mounts"]}, 10)

    def test_cpus(self):
        columns = ("cpu", "tid", "current", "idle", "runnable", "base")
        self.assertEqual([[row[name] for name in columns] for row in rows("cpus")],
                         [[row[name] for name in columns] for row in drgn()["cpus"]])

    def test_load_and_memory(self):
        [ours], [theirs] = rows("load"), drgn()["load"]
        for name, value in theirs.items():
            self.assertAlmostEqual(ours[name], value, delta=1e-6)
        self.assertEqual(next(row["bytes"] for row in rows("memory") if row["name"] == "MemTotal"), drgn()["memory"][0]["MemTotal"])

    def test_slabs(self):
        said = {row["address"]: row for row in drgn()["slabs"]}
        self.same({row["address"]: (row["name"], row["object_size"]) for row in rows("slabs")},
                  {address: (row["name"], row["size"]) for address, row in said.items()}, 100)
        for row in rows("slabs"):  # drgn leaves out what processors keep at hand
            self.assertLessEqual(said[row["address"]]["allocated"], row["in_use"], row["name"])

    def test_log(self):
        lines = [(row["time"] // 1000 / 1e6, row["level"], line) for row in drgn()["log"] for line in row["text"].split("\n")]
        self.assertEqual([(row["time"], row["level"], row["text"]) for row in rows("log")], lines)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    RECORD, DUMP = Path(sys.argv[1]), sys.argv[2]
    PROGRAM.extend(sys.argv[3:])
    unittest.main(argv=[sys.argv[0]])
