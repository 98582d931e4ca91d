#!/usr/bin/env python3
"""Dumps of real guests (samples/linux/make) against what the guests said of themselves, through the command line.

usage: linux_dumps.py PROGRAM [ARGUMENT...]    PROGRAM is the command line to test, native or wasm.
The dumps are found in $PANICROOM_LINUX_DUMPS, else where samples/linux/make puts them; guests that are not there are made.
$PANICROOM_LINUX_GUESTS names the guests (default: sample kaslr nokaslr la57 no-vmcoreinfo vmcore arm64 i386); `sample` is the
repository's own samples/linux/sample.vmcore and needs nothing made. No kernel file is ever given.
"""

import json
import os
import re
import subprocess
import sys
import unittest
from functools import lru_cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUESTS = os.environ.get("PANICROOM_LINUX_GUESTS", "sample kaslr nokaslr la57 no-vmcoreinfo vmcore arm64 i386").split()
PROGRAM: list[str] = []
FOLDER = Path()
SAMPLES = REPOSITORY / "samples" / "linux"

STATES = {
    "R": "running", "S": "sleeping", "D": "uninterruptible", "I": "idle", "T": "stopped", "t": "traced", "Z": "zombie",
    "X": "dead", "P": "parked",
}
KTHREADD = 2
LINK_ADDRESS = 0xFFFFFFFF81000000  # of _text on x86_64: Linux arch/x86/include/asm/page_64_types.h, __START_KERNEL
PF_KTHREAD = 0x00200000  # proc(5) flags; Linux include/linux/sched.h

# The whole memory of the stopped guest is in these; user pages and free pages may be excluded.
WHOLE = {
    "sample": ["sample.vmcore"],
    "kaslr": [
        "kaslr.elf", "kaslr.paging.elf", "kaslr.standard.elf", "kaslr.qemu-zlib.kdump", "kaslr.d31-zlib.kdump",
        "kaslr.d31-lzo.kdump", "kaslr.d31-snappy.kdump", "kaslr.d31-zstd.kdump", "kaslr.d31-plain.kdump", "kaslr.d1-lzo.kdump",
        "kaslr.d0-zlib.kdump", "kaslr.d31.elf", "kaslr.d31-zstd.flat.kdump", "kaslr.d31.flat.elf",
        "kaslr.d31-zstd.split1.kdump kaslr.d31-zstd.split2.kdump kaslr.d31-zstd.split3.kdump",
        "kaslr.d31-zstd.split3.kdump kaslr.d31-zstd.split1.kdump kaslr.d31-zstd.split2.kdump",
    ],
    "nokaslr": ["nokaslr.elf", "nokaslr.d31-zstd.kdump"],
    "la57": ["la57.elf", "la57.d31-zstd.kdump"],
    "no-vmcoreinfo": ["no-vmcoreinfo.elf", "no-vmcoreinfo.qemu-zlib.kdump"],
    "vmcore": ["vmcore.elf", "vmcore.d31-zstd.kdump", "vmcore.d31-lzo.kdump"],
    "big": ["big.elf", "big.d31-zstd.kdump"],
    # Debian's arm64 kernel names no data (no CONFIG_KALLSYMS_ALL).
    "arm64": ["arm64.elf", "arm64.qemu-zlib.kdump"],
}
# Debian's i386 kernel carries no types (no BTF).
UNTYPED = {"i386": ["i386.elf", "i386.qemu-zlib.kdump"]}
# Parts are missing: any answer must be right as far as it goes, or say what is missing.
PARTIAL = {
    "kaslr": [
        "kaslr.truncated.elf", "kaslr.d31-zstd.truncated.kdump", "kaslr.d31-lzo.incomplete.kdump", "kaslr.d31-zstd.split2.kdump",
    ],
}


def paths(dump):
    """The files of a dump; parts of a split one are separated by spaces."""
    return [str((SAMPLES if part.startswith("sample.") else FOLDER) / part) for part in dump.split()]


def run(*arguments):
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@lru_cache(maxsize=None)
def table(command, dump):
    """The answer of `command`, whose words are separated by spaces."""
    status, out, err = run(*command.split(), "--json", *paths(dump))
    assert status == 0, f"{command} {dump}: status {status}: {err}"
    return json.loads(out)


@lru_cache(maxsize=None)
def truth_of(guest):
    return json.loads(Path(paths(f"{guest}.truth.json")[0]).read_text(encoding="utf-8"))


def shown_name(task):
    """How JSON shows a name: bytes that are not UTF-8 as \\xNN."""
    return bytes.fromhex(task["comm_bytes"]).decode("utf-8", errors="backslashreplace")


def is_kernel_thread(task):
    return task["flags"] & PF_KTHREAD != 0


def log_lines(guest):
    """(microseconds, level, text) of each line; /dev/kmsg shows a byte that is not printable as \\xNN."""
    for record in truth_of(guest)["log"]:
        text = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), record["text"])
        for line in text.split("\n"):
            yield record["microseconds"], record["level"], line


class Whole:
    """Everything that the guest said is in the dump."""

    guest = ""
    dump = ""

    def rows(self, command):
        return table(command, self.dump)["rows"]

    def setUp(self):
        self.truth = truth_of(self.guest)
        crash = self.truth["crash"]
        self.changed = {1, crash["tid"]}  # init and the thread that crashed woke up or went to sleep after the snapshot

    def test_what_this_is(self):
        row = self.rows("info")[0]
        kernel, panic, crash = self.truth["kernel"], self.truth["panic"], self.truth["crash"]
        self.assertEqual(row["system"], kernel["sysname"])
        for column in ("release", "version", "nodename"):
            self.assertEqual(row[column], kernel[column])
        self.assertEqual(row["page_size"], kernel["page_size"])
        self.assertIn(panic["message"].removeprefix("Kernel panic - not syncing: "), row["panic"])
        self.assertEqual(row["crashed_pid"], crash["pid"])
        self.assertEqual(row["crashed_tid"], crash["tid"])
        self.assertEqual(row["crashed_cpu"], crash["cpu"])
        self.assertEqual(row["crashed_name"], crash["thread"])
        if kernel["machine"] == "x86_64":
            text = next(int(symbol["address"], 16) for symbol in self.truth["symbols"] if symbol["name"] == "_text")
            self.assertEqual(int(row["kernel_slide"], 16), text - LINK_ADDRESS)
        else:
            self.assertEqual(int(row["kernel_slide"], 16), int(panic["kernel_offset"], 16))
        self.assertIs(row["complete"], True)

    def check_task(self, row, task, what):
        self.assertEqual(row["name"], shown_name(task), what)
        if is_kernel_thread(task):
            self.assertIn(row["state"], STATES.values(), what)
        elif task["tid"] not in self.changed:
            self.assertEqual(row["state"], STATES[task["state"]], what)

    def test_every_process(self):
        rows = {row["pid"]: row for row in self.rows("ps") if row["pid"] != 0}
        for process in self.truth["processes"]:
            what = f"pid {process['pid']} {process['comm']!r}"
            row = rows.pop(process["pid"], None)
            if row is None and process["comm"].startswith("kworker/"):
                continue  # the kernel may have ended it
            self.assertIsNotNone(row, what)
            self.check_task(row, process, what)
            self.assertEqual(row["ppid"], process["ppid"], what)
            self.assertEqual(row["uid"], process["euid"], what)
            self.assertEqual(row["threads"], process["threads"], what)
        for row in rows.values():
            self.assertEqual(row["ppid"], KTHREADD, f"a process that the guest did not have: {row}")

    def test_every_thread(self):
        rows = {row["tid"]: row for row in self.rows("threads") if row["pid"] != 0}
        crash = self.truth["crash"]
        running = {crash["tid"]: crash["cpu"], crash["spinner"]: crash["spinner_cpu"]}
        for process in self.truth["processes"]:
            for task in process["tasks"]:
                what = f"tid {task['tid']} {task['comm']!r}"
                row = rows.pop(task["tid"], None)
                if row is None and task["comm"].startswith("kworker/"):
                    continue
                self.assertIsNotNone(row, what)
                self.check_task(row, task, what)
                self.assertEqual(row["pid"], process["pid"], what)
                self.assertEqual(row["process"], shown_name(process), what)
                self.assertEqual(row["cpu"], running.get(task["tid"]), what)
                self.assertEqual(bool(row["crashed"]), task["tid"] == crash["tid"], what)
        for row in rows.values():
            self.assertTrue(row["name"].startswith("kworker/"), f"a thread that the guest did not have: {row}")

    def stacks(self):
        stacks = {}
        for row in self.rows("stack"):
            if row["frame"] == 0:
                stacks[row["tid"]] = []  # every processor's idle task has tid 0
            frames = stacks[row["tid"]]
            self.assertEqual(row["frame"], len(frames))
            frames.append(None if row["symbol"] is None else f"{row['symbol']}+{row['offset']:#x}")
        return stacks

    def test_stack_of_the_crash(self):
        frames = self.stacks()[self.truth["crash"]["tid"]]
        said = [entry["frame"].split("/")[0] for entry in self.truth["panic"]["stack"] if entry["certain"]]
        from_panic = next(i for i, frame in enumerate(said) if frame.startswith("panic+"))
        found = next((i for i, frame in enumerate(frames) if frame and frame.startswith("panic+")), None)
        self.assertIsNotNone(found, frames)
        # panic() itself has gone on since it printed the stack.
        said = said[from_panic + 1:]
        called_from = frames[found + 1:]
        if said[0].endswith("+0x0"):  # on arm64 the kernel names the function behind a call that does not return
            said, called_from = said[1:], called_from[1:]
        self.assertEqual(called_from[:len(said)], said)

    def test_stacks_of_those_who_slept(self):
        stacks = self.stacks()
        compared = 0
        for process in self.truth["processes"]:
            for task in process["tasks"]:
                said = [frame.split("/")[0] for frame in task["stack"]]
                if not said or task["state"] == "R" or is_kernel_thread(task) or task["tid"] in self.changed:
                    continue
                # /proc leaves out the innermost frames, those of the scheduler.
                frames = stacks[task["tid"]]
                self.assertEqual(frames[-len(said):], said, f"tid {task['tid']} {task['comm']!r}: {frames}")
                self.assertTrue((frames[0] or "").startswith(("__schedule+", "__switch_to+")), frames)
                compared += 1
        self.assertGreater(compared, 40)

    def test_log(self):
        rows = [(round(row["time"] * 1e6), row["level"], row["text"]) for row in self.rows("log")]
        said = list(log_lines(self.guest))
        self.assertEqual(rows[:len(said)], said)
        after = [text for _, _, text in rows[len(said):]]
        self.assertIn("sysrq: Trigger a crash", after)
        self.assertIn(self.truth["panic"]["message"], after)
        ended = any(text.startswith("---[ end Kernel panic") for text in after)
        self.assertEqual(ended, self.truth["panic"]["ended"], after[-3:])

    def test_symbols(self):
        rows = self.rows("symbols")
        of_modules = [row["module"] for row in rows if row["module"] is not None]
        self.assertEqual(len(rows) - len(of_modules), self.truth["kallsyms"]["core"])
        # The list of modules is a variable, which arm64's symbols do not name, and i386's kernel has no types.
        if self.truth["how"]["architecture"] == "amd64":
            self.assertEqual(len(of_modules), self.truth["kallsyms"]["module"])
            self.assertEqual(set(of_modules), {line.split()[0] for line in self.truth["modules"].splitlines()})
        seen = {(row["name"], int(row["address"], 16), row["type"]) for row in rows}
        for symbol in self.truth["symbols"]:
            self.assertIn((symbol["name"], int(symbol["address"], 16), symbol["type"]), seen)

    def test_read_and_translate(self):
        files = paths(self.dump)
        known = {symbol["name"]: symbol["address"] for symbol in self.truth["symbols"]}
        status, out, err = run("translate", known["panic"], "--json", *files)
        self.assertEqual(status, 0, err)
        self.assertEqual(run("translate", "panic", "--json", *files)[1], out)
        if "linux_banner" not in known:
            return  # without CONFIG_KALLSYMS_ALL only code has names
        banner = self.truth["kernel"]["banner"].encode()
        status, out, err = run("read", "linux_banner", str(len(banner)), "--json", *files)
        self.assertEqual(status, 0, err)
        read = b"".join(bytes.fromhex(row["bytes"]) for row in json.loads(out)["rows"])
        self.assertEqual(read, banner)

    def test_ranges_are_the_memory(self):
        """What /proc/iomem calls System RAM is present or excluded, never missing. /proc/vmcore has the memory above 1 MiB
        without the crash kernel's."""
        ranges = [(int(row["start"], 16), int(row["end"], 16), row["state"]) for row in self.rows("ranges")]
        for (_, end, _), (start, _, _) in zip(ranges, ranges[1:]):
            self.assertEqual(end, start)
        lines = self.truth["iomem"].splitlines()
        if self.guest == "vmcore":
            own = next(re.match(r" *([0-9a-f]+)-([0-9a-f]+) : Crash kernel", line) for line in lines if "Crash kernel" in line)
            first, end = int(own[1], 16), int(own[2], 16) + 1
            self.assertIn("missing", [state for low, high, state in ranges if low <= first and end <= high])
            lines = [f"{1 << 20:x}-{first - 1:x} : System RAM"]
        for line in lines:
            if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) : System RAM", line):
                first, end = int(match[1], 16), int(match[2], 16) + 1
                first, end = -(-first // 4096) * 4096, end // 4096 * 4096
                missing = [r for r in ranges if r[2] == "missing" and r[0] < end and first < r[1]]
                self.assertEqual(missing, [], line)


class Untyped(Whole):
    """Without types no list can be walked: what does not need them is answered, the rest is refused with the reason. On which
    thread the kernel died is in its log, and its stack follows from the processor's registers."""

    test_stacks_of_those_who_slept = None

    def test_what_this_is(self):
        row = self.rows("info")[0]
        kernel, panic, crash = self.truth["kernel"], self.truth["panic"], self.truth["crash"]
        for column in ("release", "version", "nodename"):
            self.assertEqual(row[column], kernel[column])
        self.assertEqual(row["panic"], panic["message"])
        self.assertEqual(row["crashed_tid"], crash["tid"])
        self.assertEqual(row["crashed_cpu"], crash["cpu"])
        self.assertEqual(row["crashed_name"], crash["thread"])

    def test_every_process(self):
        status, out, err = run("ps", "--json", *paths(self.dump))
        answer = json.loads(out)
        self.assertEqual((status, answer["rows"]), (1, []), err)
        self.assertEqual(answer["notes"][-1]["code"], "no_type")

    def test_every_thread(self):
        rows = self.rows("threads")
        self.assertEqual([row["cpu"] for row in rows], list(range(len(rows))))
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertEqual(row["crashed"], row["cpu"] == self.truth["crash"]["cpu"])
            self.assertIsNone(row["address"])
        self.assertTrue(table("threads", self.dump)["notes"])


class Partial:
    """Parts are missing: what is answered is right, what is not is said."""

    guest = ""
    dump = ""

    def test_right_as_far_as_it_goes(self):
        truth = truth_of(self.guest)
        files = paths(self.dump)
        status, out, err = run("ps", "--json", *files)
        if status != 0:
            self.assertEqual(status, 1)
            self.assertRegex(err, r"^panicroom: .*" + re.escape(self.dump))
            return
        answer = json.loads(out)
        self.assertTrue(answer["notes"], "nothing says that the dump is not whole")
        known = {process["pid"]: process for process in truth["processes"]}
        for row in answer["rows"]:
            if row["pid"] in (None, 0) or (row["pid"] not in known and row["ppid"] == KTHREADD):
                continue
            self.assertIn(row["pid"], known)
            if row["name"] is not None:
                self.assertEqual(row["name"], shown_name(known[row["pid"]]))

    def test_it_is_said_that_it_is_not_whole(self):
        status, out, err = run("info", "--json", *paths(self.dump))
        self.assertEqual(status, 0, err)
        answer = json.loads(out)
        self.assertIs(answer["rows"][0]["complete"], False)
        self.assertTrue(answer["notes"])

    def test_missing_pages_are_missing(self):
        rows = table("ranges", self.dump)["rows"]
        missing = [row for row in rows if row["state"] == "missing"]
        self.assertTrue(missing)
        files = paths(self.dump)
        status, out, _ = run("read", "--physical", missing[-1]["start"], "8", "--json", *files)
        self.assertEqual(status, 1)
        self.assertIsNone(json.loads(out)["rows"][0]["bytes"])


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for base, dumps in ((Whole, WHOLE), (Untyped, UNTYPED), (Partial, PARTIAL)):
        for guest in GUESTS:
            for dump in dumps.get(guest, []):
                case = type(f"{base.__name__} {dump}", (base, unittest.TestCase), {"guest": guest, "dump": dump})
                suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


def main():
    global FOLDER
    PROGRAM.extend(argument for argument in sys.argv[1:])
    if not PROGRAM:
        sys.exit(__doc__)
    guests = [guest for guest in GUESTS if guest != "sample"]
    if guests:
        make = [str(SAMPLES / "make"), *guests]
        if chosen := os.environ.get("PANICROOM_LINUX_DUMPS"):
            make += ["--out", chosen]
        FOLDER = Path(subprocess.run(make, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
    unittest.main(argv=[sys.argv[0]])


if __name__ == "__main__":
    main()
