#!/usr/bin/env python3
"""Dumps of real guests (samples/linux/make) against what /proc of each guest said just before it crashed, through the command line.

usage: proc_tables.py PROGRAM [ARGUMENT...]    PROGRAM is the command line to test, native or wasm.
The dumps are found in $PANICROOM_LINUX_DUMPS, else where samples/linux/make puts them. $PANICROOM_LINUX_GUESTS names the guests
(default: sample kaslr nokaslr la57 vmcore arm64); `sample` is the repository's own samples/linux/sample.vmcore. The dumps hold
what the tables read, user pages too. No kernel file is ever given.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import unittest
from functools import lru_cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUESTS = os.environ.get("PANICROOM_LINUX_GUESTS", "sample kaslr nokaslr la57 vmcore arm64").split()
PROGRAM: list[str] = []
FOLDER = Path()
PF_KTHREAD = 0x00200000  # proc(5) flags; Linux include/linux/sched.h
# Without CONFIG_KALLSYMS_ALL nothing says where the kernel keeps its variables.
FUNCTIONS_ONLY = {"arm64"}
# NETLINK_ROUTE, SOCK_DIAG, FIB_LOOKUP, KOBJECT_UEVENT and GENERIC; Linux include/uapi/linux/netlink.h
OF_NAMESPACES = {0, 4, 10, 15, 16}


def file_of(guest, kind):
    if guest == "sample":
        return str(REPOSITORY / "samples" / "linux" / f"sample.{'vmcore' if kind == 'elf' else kind}")
    return str(FOLDER / f"{guest}.{kind}")


@lru_cache(maxsize=None)
def table(name, guest):
    done = subprocess.run([*PROGRAM, "table", name, "--json", file_of(guest, "elf")], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, f"{name} {guest}: status {done.returncode}: {done.stderr.decode()}"
    return json.loads(done.stdout)


@lru_cache(maxsize=None)
def truth_of(guest):
    return json.loads(Path(file_of(guest, "truth.json")).read_text(encoding="utf-8"))


def words(text):
    return None if text is None else shlex.split(text)


def device(text):
    """major:minor in hexadecimal, as /proc/PID/maps has it, in decimal."""
    major, minor = text.split(":")
    return f"{int(major, 16)}:{int(minor, 16)}"


def status_kib(process, key):
    match = re.search(rf"^{key}:\s+(\d+) kB$", process["status"], re.M)
    return int(match[1]) * 1024 if match else None


class Guest:
    guest = ""

    def setUp(self):
        self.truth = truth_of(self.guest)
        crash = self.truth["crash"]
        # init and the crasher went on after the snapshot.
        self.changed = {1, crash["pid"]}
        self.processes = [process for process in self.truth["processes"] if "status" in process]
        self.assertGreater(len(self.processes), 40)

    def rows(self, name):
        return table(name, self.guest)["rows"]

    def still(self):
        """Processes that had memory and files and that did not change until the crash."""
        for process in self.processes:
            kernel = process["flags"] & PF_KTHREAD
            if not kernel and process["state"] != "Z" and process["pid"] not in self.changed:
                yield process

    def test_processes(self):
        rows = {row["pid"]: row for row in self.rows("processes")}
        kworkers = 0
        for process in self.processes:
            if process["pid"] not in rows and process["comm"].startswith("kworker"):
                kworkers += 1
                continue
            row = rows[process["pid"]]
            with self.subTest(pid=process["pid"], comm=process["comm"]):
                for column, key in (("pgid", "pgid"), ("sid", "sid"), ("nice", "nice"), ("ruid", "uid"), ("uid", "euid"),
                                    ("rgid", "gid"), ("gid", "egid")):
                    self.assertEqual(row[column], process[key], column)
                self.assertAlmostEqual(row["start"], process["start_ticks"] / 100, delta=0.0101)
                terminal = int(process["stat"].rpartition(")")[2].split()[4])
                self.assertEqual(row["terminal"] is not None, terminal != 0)
                if terminal >> 8 == 136:
                    self.assertEqual(row["terminal"], f"pts/{terminal & 0xff}")
                for column, link in (("pid_namespace", "ns/pid"), ("mount_namespace", "ns/mnt"), ("network_namespace", "ns/net")):
                    if link in process:
                        self.assertEqual(row[column], int(re.search(r"\[(\d+)\]", process[link])[1]))
                if process["flags"] & PF_KTHREAD:
                    for column in ("size", "resident", "executable", "arguments", "environment"):
                        self.assertIsNone(row[column], column)
        self.assertLess(kworkers, 6)

    def test_processes_of_users(self):
        rows = {row["pid"]: row for row in self.rows("processes")}
        for process in self.still():
            row = rows[process["pid"]]
            with self.subTest(pid=process["pid"], comm=process["comm"]):
                self.assertEqual(int(row["flags"], 16), process["flags"])
                self.assertEqual(row["directory"], process["cwd"])
                self.assertEqual(row["root"], process["root"])
                self.assertEqual(row["executable"], process["exe"])
                self.assertEqual(words(row["arguments"]), process["arguments"])
                self.assertEqual(words(row["environment"]), process["environ"])
                self.assertEqual(row["size"], status_kib(process, "VmSize"))
                if process["pid"] != self.truth["crash"]["spinner"]:
                    self.assertEqual(row["resident"], status_kib(process, "VmRSS"))
                ticks = sum(map(int, process["stat"].rpartition(")")[2].split()[11:13]))
                used = row["user_time"] + row["system_time"]
                if process["pid"] == self.truth["crash"]["spinner"]:
                    self.assertLess(ticks / 100 - 0.1, used)
                    self.assertLess(used, ticks / 100 + 30)
                else:
                    self.assertAlmostEqual(used, ticks / 100, delta=0.03)

    def test_threads(self):
        policies = {0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle"}
        rows = {row["tid"]: row for row in self.rows("threads") if row["tid"]}
        waits = 0
        for process in self.processes:
            for task in process["tasks"]:
                row = rows.get(task["tid"])
                if row is None or task["tid"] in self.changed or task["tid"] == self.truth["crash"]["tid"]:
                    continue
                with self.subTest(tid=task["tid"], comm=task["comm"]):
                    self.assertEqual((row["priority"], row["policy"]), (task["priority"], policies[task["policy"]]))
                    if not task["flags"] & PF_KTHREAD:
                        self.assertEqual(row["last_cpu"], task["cpu"])
                    # A stack's size is told by data symbols.
                    if task["state"] not in "ZR" and self.guest not in FUNCTIONS_ONLY:
                        self.assertLess(int(row["stack_low"], 16), int(row["sp"], 16))
                        self.assertLess(int(row["sp"], 16), int(row["stack_high"], 16))
            row = rows.get(process["pid"])
            if row and "wchan" in process and process["wchan"] not in ("0", "") and not process["flags"] & PF_KTHREAD:
                if process["pid"] not in self.changed and process["state"] != "Z":
                    with self.subTest(wchan=process["wchan"], comm=process["comm"]):
                        self.assertEqual(row["wait"], process["wchan"])
                    waits += 1
        self.assertGreater(waits, 30)

    def test_stacks_reach_their_outermost_frames(self):
        last = {}
        for row in self.rows("frames"):
            last[row["tid"]] = row["symbol"]
        reached = total = 0
        for process in self.processes:
            for task in process["tasks"]:
                if task.get("stack") and task["tid"] not in self.changed:
                    total += 1
                    reached += last.get(task["tid"]) == task["stack"][-1].split("+")[0]
        self.assertGreater(total, 60)
        self.assertGreaterEqual(reached / total, 0.99)

    def test_files(self):
        types = {0o010000: "pipe", 0o020000: "character device", 0o040000: "directory", 0o060000: "block device", 0o100000: "file",
                 0o140000: "socket", 0: "anonymous"}
        names = {0o2000: "append", 0o4000: "nonblock", 0o10000: "dsync", 0o2000000: "cloexec",
                 0o40000 if self.guest == "arm64" else 0o200000: "directory"}
        found = {}
        for row in self.rows("files"):
            found.setdefault(row["pid"], {})[row["fd"]] = row
        compared = set()
        for process in self.still():
            mine = found.get(process["pid"], {})
            self.assertEqual(sorted(mine), [file["fd"] for file in process["files"]], process["comm"])
            for file in process["files"]:
                row = mine[file["fd"]]
                with self.subTest(pid=process["pid"], fd=file["fd"], target=file["target"]):
                    info = dict(re.findall(r"^(pos|flags|ino):\s+(\d+)$", file["info"], re.M))
                    flags = int(info["flags"], 8)
                    self.assertEqual(row["path"] + (" (deleted)" if row["deleted"] else ""), file["target"])
                    self.assertEqual(row["type"], types[file["mode"] & 0o170000])
                    self.assertEqual(row["position"], int(info["pos"]))
                    self.assertEqual(row["inode"], file["inode"])
                    self.assertEqual(row["size"], file["size"])
                    access = "path" if flags & 0o10000000 else ("r", "w", "rw")[flags & 3]
                    self.assertEqual(row["access"], access)
                    said = set((row["flags"] or "").split(",")) - {""}
                    sync = flags & 0o4000000
                    expected = {name for bit, name in names.items() if flags & bit}
                    if sync:
                        expected = expected - {"dsync"} | {"sync"}
                    self.assertEqual(said, expected)
                    compared.add(row["type"])
        self.assertEqual(compared, {"pipe", "character device", "directory", "file", "socket", "anonymous"})

    def test_sockets(self):
        rows = {row["inode"]: row for row in self.rows("sockets")}
        unopened = [row for row in self.rows("sockets") if row["pid"] is None]
        state = self.truth["state"]
        tcp = {1: "established", 3: "syn_recv", 6: "time_wait", 10: "listen"}
        compared = {}

        def address(text, six):
            host, port = text.split(":")
            # Words of the network's byte order, printed as the processor reads them.
            raw = b"".join(bytes.fromhex(host[at:at + 8])[::-1] for at in range(0, len(host), 8))
            host = socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, raw)
            port = int(port, 16) or "*"
            return f"[{host}]:{port}" if six else f"{host}:{port}"

        for protocol in ("tcp", "tcp6", "udp", "udp6", "raw"):
            for line in state.get(f"net/{protocol}", "").splitlines()[1:]:
                _, local, remote, st, queues, _, _, _, _, inode = line.split()[:10]
                six = protocol.endswith("6")
                if inode == "0":  # a connection that waits to be accepted, or is over: no process has it open
                    expected = (protocol, tcp[int(st, 16)], address(local, six), address(remote, six))
                    self.assertIn(expected, [tuple(row[name] for name in ("protocol", "state", "local", "remote"))
                                             for row in unopened], line)
                    compared["unopened"] = compared.get("unopened", 0) + 1
                    continue
                row = rows[int(inode)]
                with self.subTest(line=line):
                    self.assertEqual(row["protocol"], "raw 1" if protocol == "raw" else protocol)
                    if protocol == "raw":
                        continue  # /proc shows the protocol as the local port
                    self.assertEqual((row["local"], row["remote"]), (address(local, six), address(remote, six)))
                    expected = tcp[int(st, 16)] if protocol.startswith("tcp") else {1: "connected", 7: "unconnected"}[int(st, 16)]
                    self.assertEqual(row["state"], expected)
                    sent, received = (int(part, 16) for part in queues.split(":"))
                    self.assertEqual((row["sent"], row["received"]), (sent, received))
                compared[protocol] = compared.get(protocol, 0) + 1
        types = {1: "unix stream", 2: "unix datagram", 5: "unix seqpacket"}
        for line in state["net/unix"].splitlines()[1:]:
            _, _, _, flags, type_, st, inode, *path = line.split(None, 7)
            row = rows[int(inode)]
            with self.subTest(line=line):
                self.assertEqual(row["protocol"], types[int(type_, 16)])
                self.assertEqual(row["local"], path[0] if path else None)
                listens = int(flags, 16) & 0x10000
                self.assertEqual(row["state"], "listen" if listens else {1: "unconnected", 3: "connected"}[int(st, 16)])
            compared["unix"] = compared.get("unix", 0) + 1
        netlink = {row["inode"] for row in unopened if row["protocol"] == "netlink"}
        for line in state["net/netlink"].splitlines()[1:]:
            _, protocol, *_, inode = line.split()
            # Without the names of variables those alone that struct net has members for.
            if self.guest not in FUNCTIONS_ONLY or int(protocol) in OF_NAMESPACES:
                self.assertIn(int(inode), netlink | set(rows), line)
                compared["netlink"] = compared.get("netlink", 0) + 1
        self.assertGreaterEqual(compared["netlink"], 5)
        self.assertGreaterEqual(set(compared), {"tcp", "udp", "unix", "unopened"})
        # Every socket of every process is there.
        wanted = {file["inode"] for process in self.still() for file in process["files"] if file["mode"] & 0o170000 == 0o140000}
        self.assertLessEqual(wanted, set(rows))

    def test_maps(self):
        found = {}
        for row in self.rows("maps"):
            found.setdefault(row["pid"], []).append(row)
        seen = set()
        for process in self.still():
            lines = [line for line in process["maps"].split("\n") if line and "[vsyscall]" not in line]
            rows = found.get(process["pid"], [])
            self.assertEqual(len(rows), len(lines), process["comm"])
            for row, line in zip(rows, lines):
                with self.subTest(pid=process["pid"], line=line):
                    match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+) *(.*)$", line)
                    start, end, access, offset, dev, inode, path = match.groups()
                    self.assertEqual((int(row["start"], 16), int(row["end"], 16)), (int(start, 16), int(end, 16)))
                    self.assertEqual(row["access"], access)
                    name = (row["path"] or "") + (" (deleted)" if row["deleted"] else "")
                    self.assertEqual(name, path)
                    if inode != "0":
                        self.assertEqual((int(row["offset"], 16), row["device"], row["inode"]),
                                         (int(offset, 16), device(dev), int(inode)))
                    else:
                        self.assertIsNone(row["inode"])
                    seen.add(path)
        self.assertGreaterEqual(seen, {"[heap]", "[stack]", "/init", "/mnt/mapped", "/memfd:mapped words (deleted)"})

    def test_mounts(self):
        spaces = {}
        for row in self.rows("mounts"):
            spaces.setdefault(row["namespace"], {})[row["id"]] = row
        compared = 0
        for process in self.still():
            # A mount's path is told from the reader's root.
            if process["root"] != "/":
                continue
            mine = spaces[int(re.search(r"\[(\d+)\]", process["ns/mnt"])[1])]
            for line in process["mountinfo"].splitlines():
                before, after = line.split(" - ")
                number, parent, dev, root, path, options = before.split()[:6]
                type_, source = after.split()[:2]
                row = mine[int(number)]
                with self.subTest(pid=process["pid"], line=line):
                    self.assertEqual((row["parent"], row["device"], row["root"], row["path"]), (int(parent), dev, root, path))
                    self.assertEqual(row["options"], options)
                    self.assertEqual((row["type"], row["source"]), (type_, source))
                compared += 1
            self.assertEqual(len(mine), len(process["mountinfo"].splitlines()))
        self.assertGreater(compared, 100)


class WithVariables(Guest):
    """The kernel's symbols name its variables."""

    def test_modules(self):
        rows = self.rows("modules")
        lines = self.truth["modules"].splitlines()
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            name, size, references, used_by, state, base = line.split()[:6]
            self.assertEqual((row["name"], row["size"], row["references"]), (name, int(size), int(references)))
            self.assertEqual(row["used_by"] or "-", used_by.rstrip(","))
            self.assertEqual((row["state"], int(row["base"], 16)), (state.lower(), int(base, 16)))

    def test_load(self):
        [row] = self.rows("load")
        one, five, fifteen, threads, last = self.truth["state"]["loadavg"].split()
        self.assertAlmostEqual(row["load1"], float(one), delta=0.6)
        self.assertAlmostEqual(row["load5"], float(five), delta=0.2)
        self.assertAlmostEqual(row["load15"], float(fifteen), delta=0.1)
        self.assertAlmostEqual(row["threads"], int(threads.split("/")[1]), delta=4)
        self.assertAlmostEqual(row["last_pid"], int(last), delta=4)
        self.assertLessEqual(1, row["runnable"])

    def test_swap(self):
        rows = self.rows("swap")
        lines = self.truth["state"]["swaps"].splitlines()[1:]
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            path, type_, size, used, priority = line.split()
            self.assertEqual((row["path"], row["type"]), (path, type_))
            self.assertEqual((row["size"], row["used"], row["priority"]), (int(size) * 1024, int(used) * 1024, int(priority)))

    def test_memory(self):
        said = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\S+):\s+(\d+) kB", self.truth["state"]["meminfo"], re.M)}
        said["Cached and Buffers"] = said["Cached"] + said["Buffers"]
        rows = {row["name"]: row["bytes"] for row in self.rows("memory")}
        for name in ("MemTotal", "SwapTotal", "SwapFree"):
            self.assertEqual(rows[name], said[name], name)
        for name, count in rows.items():
            # Processors keep parts of the counters to themselves for a while.
            self.assertAlmostEqual(count, said[name], delta=4 << 20 if name == "MemFree" else 2 << 20, msg=name)

    def test_cpus(self):
        rows = self.rows("cpus")
        crash = self.truth["crash"]
        self.assertEqual([row["cpu"] for row in rows], list(range(self.truth["kernel"]["cpus_online"])))
        self.assertEqual([row["cpu"] for row in rows if row["crashed"]], [crash["cpu"]])
        self.assertEqual(rows[crash["cpu"]]["tid"], crash["tid"])
        self.assertEqual(rows[crash["cpu"]]["thread"], crash["thread"])
        self.assertEqual(rows[crash["spinner_cpu"]]["tid"], crash["spinner"])
        self.assertTrue(all(row["online"] and row["idle"] is False for row in rows))

    def test_zones(self):
        page = self.truth["kernel"]["page_size"]
        expected = {}
        for node, name, body in re.findall(r"^Node (\d+), zone +(\w+)\n((?:(?!^Node ).*\n?)*)", self.truth["state"]["zoneinfo"], re.M):
            numbers = {key: int(value) * page for key, value in re.findall(r"^ +(min|low|high|present|managed)\s+(\d+)$", body, re.M)}
            numbers["free"] = int(re.search(r"pages free\s+(\d+)", body)[1]) * page
            if numbers["present"]:
                expected[int(node), name] = numbers
        rows = {(row["node"], row["name"]): row for row in self.rows("zones")}
        self.assertEqual(set(rows), set(expected))
        for key, row in rows.items():
            self.assertEqual([row[name] for name in ("size", "managed", "min", "low", "high")],
                             [expected[key][name] for name in ("present", "managed", "min", "low", "high")])
            self.assertLess(abs(row["free"] - expected[key]["free"]), 2 << 20)  # the crash itself takes and gives some

    def test_slabs(self):
        expected = {}
        for line in self.truth["state"]["slabinfo"].splitlines()[2:]:
            name, active, count, size = line.split()[:4]
            pages = int(line.split()[5])
            expected[name] = (int(size), int(active), int(count), int(line.split(":")[2].split()[2]) * pages * self.truth["kernel"]["page_size"])
        rows = {row["name"]: row for row in self.rows("slabs")}
        self.assertEqual(set(rows), set(expected))
        same = 0
        for name, row in rows.items():
            size, active, count, held = expected[name]
            self.assertEqual(row["object_size"], size, name)
            self.assertGreaterEqual(row["objects"], row["in_use"], name)
            same += (row["in_use"], row["objects"], row["bytes"]) == (active, count, held)
        # Only what the kernel did between the snapshot and its death changed some.
        self.assertGreater(same, len(rows) * 0.8)

    def test_interrupts(self):
        lines = self.truth["state"]["interrupts"].splitlines()
        cpus = len(lines[0].split())
        rows = {str(row["number"]) if row["number"] is not None else row["name"]: row for row in self.rows("interrupts")}
        told = {}
        for line in lines[1:]:
            key, rest = line.strip().split(":", 1)
            told[key] = rest.split()
        self.assertEqual(set(rows), set(told))
        for key, words in told.items():
            row = rows[key]
            counts = [int(word) for word in words[:cpus] if word.isdigit()]
            self.assertGreaterEqual(row["count"], sum(counts) - (8 if key == "CAL" else 0), key)
            if row["per_cpu"] is not None:
                # Calls are shown without TLB flushes, which the kernel counts later.
                slack = 4 if key == "CAL" else 0
                for now, then in zip(map(int, row["per_cpu"].split()), counts):
                    self.assertGreaterEqual(now + slack, then, key)
            if key.isdigit():
                self.assertEqual(row["controller"], words[cpus], key)
                self.assertEqual(row["hwirq"], int(re.match(r"\d+", words[cpus + 1])[0]), key)
                self.assertEqual((row["handlers"] or "").split(", "), " ".join(words[cpus + 2:]).split(", "), key)
                # A timer's and a disk's lines go on; that of a device that nothing speaks to stands still.
                if row["handlers"] in ("i8042", "acpi"):
                    self.assertEqual(row["count"], sum(counts), key)

    def test_sysctl(self):
        told = {name.replace(".", "\0").replace("/", ".").replace("\0", "/"): text for name, text in self.truth["sysctl"].items()}
        rows = {row["name"]: row for row in self.rows("sysctl")}
        self.assertEqual(len(rows), len(self.rows("sysctl")))
        self.assertEqual(set(told) - set(rows), set())
        # The guest tells of none that is only written or that has nothing to read yet.
        self.assertLess(len(set(rows) - set(told)), 12)
        # A panic prints all messages; the pool of random bits goes on.
        told["kernel.printk"] = "15" + told["kernel.printk"][1:]
        told.pop("kernel.random.entropy_avail")
        compared = 0
        for name, text in told.items():
            row = rows[name]
            if row["value"] is None:
                continue
            with self.subTest(name=name):
                said = text[:-1].replace("\t", " ") if text.endswith("\n") else text
                self.assertEqual(row["value"], said.strip() if row["type"] != "string" else said)
                compared += 1
        self.assertGreater(compared, len(told) * 0.8)


def main():
    PROGRAM.extend(sys.argv[1:])
    if not PROGRAM:
        sys.exit(__doc__)
    global FOLDER
    wanted = os.environ.get("PANICROOM_LINUX_DUMPS")
    make = [str(REPOSITORY / "samples" / "linux" / "make"), *(guest for guest in GUESTS if guest != "sample")] + (["--out", wanted] if wanted else [])
    FOLDER = Path(subprocess.run(make, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    for guest in GUESTS:
        kind = Guest if guest in FUNCTIONS_ONLY else WithVariables
        name = f"Proc_{guest.replace('-', '_')}"
        globals()[name] = type(name, (kind, unittest.TestCase), {"guest": guest})
    unittest.main(argv=[sys.argv[0]])


if __name__ == "__main__":
    main()
