#!/usr/bin/env python3
"""What `analyze`, `locks` and `threads` say of guests that died in a known way (samples/linux/guest/die.c).

usage: deaths.py PROGRAM [ARGUMENT...]    PROGRAM is the command line to test, native or wasm.
The dumps are found in $PANICROOM_LINUX_DUMPS, else where samples/linux/make puts them. What is expected is what was provoked:
the functions, locks and threads are those of die.c, the frames those that the kernel printed on its console (serial.log), the lines
those that addr2line finds in the module.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from functools import lru_cache
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "linux"
sys.path.insert(0, str(SAMPLES))
sys.dont_write_bytecode = True

from dumpmaker import debian, recipes  # noqa: E402

PROGRAM: list[str] = []
FOLDER = Path()


@lru_cache(maxsize=None)
def table(death, name):
    done = subprocess.run([*PROGRAM, "table", name, "--json", str(FOLDER / f"die-{death}.kdump")], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)["rows"]


def statements(death, topic):
    return [row["statement"] for row in table(death, "analysis") if row["topic"] == topic]


def serial(death):
    text = (FOLDER / f"die-{death}.serial.log").read_text(errors="replace").replace("\r", "")
    return [re.sub(r"^\[ *[0-9.]+\] ?", "", line) for line in text.splitlines()]


def thread(death, name):
    return next(row for row in table(death, "threads") if row["name"] == name)


def frames_with(death, module):
    """Of the thread that died: frames, each with its rows, what was inlined first."""
    done = subprocess.run([*PROGRAM, "table", "frames", "--crashed", "--json", str(FOLDER / f"die-{death}.kdump"), str(module)],
                          capture_output=True, timeout=120, check=True)
    told = json.loads(done.stdout)
    frames = {}
    for row in told["rows"]:
        frames.setdefault(row["frame"], []).append(row)
    return list(frames.values()), [note["text"] for note in told["notes"]]


class Deaths(unittest.TestCase):
    def test_lines_of_the_module(self):
        """Frames in the module have the lines that addr2line finds in its file, what was inlined there too."""
        release = next(found[1] for line in serial("bug") if (found := re.search(r"Linux version (\S+)", line)))
        with tempfile.TemporaryDirectory() as folder:
            module = Path(folder) / "die.ko"
            module.write_bytes(debian.build_module(SAMPLES / "guest" / "die.c", release, "amd64", recipes.PLATFORMS["amd64"].compiler))
            # It was compiled in another folder, whose name its debugging information holds.
            frames, notes = frames_with("bug", module)
            self.assertTrue(any("die.ko: another build of this module" in note for note in notes), notes)
            self.assertTrue(all(row["line"] is None for rows in frames for row in rows))
            subprocess.run(["objcopy", "-R", ".note.gnu.build-id", module], check=True)
            values = {name: int(value, 16) for value, _, name in
                      re.findall(r"^(\w+) ([tT]) (\S+)$", subprocess.run(["nm", module], capture_output=True, text=True, check=True).stdout, re.M)}
            inlined = 0
            for death in ("bug", "soft-lockup", "double-free", "stack-overflow", "null-dereference"):
                frames, _ = frames_with(death, module)
                inside = [rows for rows in frames if rows[-1]["module"] == "die"]
                self.assertGreaterEqual(len(inside), 2, death)
                for rows in inside:
                    own = rows[-1]
                    place = values[own["symbol"]] + own["offset"] - (0 if own["exact"] else 1)
                    said = subprocess.run(["addr2line", "-i", "-f", "-j", ".text", "-e", module, f"{place:#x}"],
                                          capture_output=True, text=True, check=True).stdout.split("\n")
                    lines = [re.sub(r" \(.*", "", line) for line in said[1::2]]
                    self.assertEqual([f"{row['file']}:{row['line']}" for row in rows], lines, death)
                    self.assertEqual([row["symbol"] for row in rows[:-1]], said[0:2 * len(rows) - 2:2], death)
                    self.assertEqual([row["inlined"] for row in rows], [True] * (len(rows) - 1) + [False])
                    inlined += len(rows) - 1
            self.assertGreaterEqual(inlined, 2)

    def check(self, death, kind, *said):
        self.assertEqual(statements(death, "kind"), [kind])
        [cause] = statements(death, "cause")
        for part in said:
            self.assertIn(part, cause)
        [signature] = statements(death, "signature")
        self.assertRegex(signature, rf"^[0-9a-f]{{16}} {kind}(: |$)")
        self.assertIn(next(line for line in serial(death) if line.startswith("Kernel panic")), statements(death, "said"))

    def check_frames(self, death, first):
        """The frames from the stopped one on are those of the console's trace, without the doubtful ones."""
        lines = serial(death)
        start = next(i for i, line in enumerate(lines) if line.startswith(f"RIP: 0010:{first}"))
        printed = [lines[start].split(":", 2)[2]]
        trace = next(i for i in range(start, len(lines)) if "Call Trace:" in lines[i])
        for line in lines[trace + 1:]:
            if line.startswith("RIP: 0033") or "</TASK>" in line:
                break
            if line.startswith(" <TASK>") or line.startswith(" ?") or not line.startswith(" "):
                continue
            printed.append(line.strip())
        # The console gives names as kallsyms does, the size behind them.
        printed = [re.sub(r"/0x[0-9a-f]+", "", re.sub(r"\.(isra|constprop|part|cold)[.0-9]*", "", name)) for name in printed]
        found = statements(death, "frame")
        self.assertEqual(found[:len(printed)], printed[:len(found)])

    def check_offsets(self, death):
        """Every statement that names an address says where its bytes lie; the log's own line is found there."""
        for row in table(death, "analysis"):
            if row["topic"] == "said":
                done = subprocess.run([*PROGRAM, "read", row["address"], str(len(row["statement"])), "--raw", str(FOLDER / f"die-{death}.kdump")],
                                      capture_output=True, timeout=60, check=True)
                self.assertEqual(done.stdout.decode(), row["statement"])
                self.assertIsNotNone(row["offset"])

    def test_null_dereference(self):
        self.check("null-dereference", "null dereference", "die_null_dereference [die] wrote to 0x10")
        self.check_frames("null-dereference", "die_null_dereference")
        self.check_offsets("null-dereference")
        [instruction] = statements("null-dereference", "instruction")
        self.assertRegex(instruction, r"^0x[0-9a-f]+: movl \$0x2a, 0x10\(%r[a-z0-9]+\)$")
        self.assertRegex("\n".join(statements("null-dereference", "register")), r"^r[a-z0-9]+ = 0x0$")
        self.assertEqual(statements("null-dereference", "operand"), ["it writes 4 bytes at 0x10"])

    def test_null_call(self):
        self.check("null-call", "null call", "called 0x0")

    def test_page_fault(self):
        self.check("bad-pointer", "page fault", "die_read_unmapped [die] read from 0xffffc87654320010")
        self.check_frames("bad-pointer", "die_read_unmapped")

    def test_general_protection(self):
        self.check("general-protection", "general protection fault", "die_read_far [die]", "0xdead000000000110", "removed from its list")
        self.check_frames("general-protection", "die_read_far")

    def test_divide(self):
        self.check("divide", "divide error", "die_divide [die]")
        self.assertRegex(statements("divide", "instruction")[0], "idiv")

    def test_bug(self):
        self.check("bug", "assertion", "die_bug [die]", "die.c:")
        self.check_frames("bug", "die_bug")

    def test_warning(self):
        self.check("warning", "warning", "die_warn [die]", "die.c:")

    def test_stack_overflow(self):
        self.check("stack-overflow", "stack overflow", "trigger", "die_recurse [die] called itself")

    def test_double_free(self):
        self.check("double-free", "double free", "die_free_twice [die] freed")

    def test_soft_lockup(self):
        self.check("soft-lockup", "soft lockup", "die_spin [die]", "processor 0")

    def test_spin_deadlock(self):
        """Each of two threads has a raw spinlock and waits in a loop for the other's; who has one the kernel does not say."""
        [said] = [line for line in serial("spin-deadlock") if line.startswith("watchdog: BUG: soft lockup")]
        found = re.search(r"CPU#(\d) stuck for \d+s! \[die-spin-(left|right):(\d+)\]", said)
        wanted = {"left": "right", "right": "left"}
        function = {"left": "die_spin_left_then_right", "right": "die_spin_right_then_left"}[found[2]]
        self.check("spin-deadlock", "soft lockup", f"{function} [die] kept processor {found[1]}",
                   f"in a loop for the spinlock die_spin_{wanted[found[2]]}")
        locks = {row["name"]: row for row in table("spin-deadlock", "locks")}
        for mine, other in wanted.items():
            tid = str(thread("spin-deadlock", f"die-spin-{mine}")["tid"])
            row = locks[f"die_spin_{other}"]
            self.assertEqual((row["kind"], row["state"], row["owner"], row["waiters"], row["spinning"]),
                             ("spinlock", "held", None, tid, tid))
        self.assertEqual(set(locks), {"die_spin_left", "die_spin_right"})

    def test_arm64(self):
        """What is told of the instruction is what the console says of the registers and the syndrome."""
        self.check("arm64-null-dereference", "null dereference", "(called by param_attr_store) wrote to 0x10")
        console = "\n".join(serial("arm64-null-dereference"))
        [code] = re.findall(r"^Code: .*\(([0-9a-f]{8})\)", console, re.MULTILINE)
        self.assertEqual(int(code, 16) & 0xFFFFFC00, 0xB9001000)  # str wT, [xN, #16]
        base, source = int(code, 16) >> 5 & 31, int(code, 16) & 31
        [instruction] = statements("arm64-null-dereference", "instruction")
        self.assertRegex(instruction, rf"^0x[0-9a-f]+: str w{source}, \[x{base}, #16\]$")
        values = {number: int(value, 16) for number, value in re.findall(r"\bx(\d+)\s*: ([0-9a-f]{16})", console)}
        self.assertEqual(statements("arm64-null-dereference", "register"),
                         [f"x{number} = {values[str(number)]:#x}" for number in (source, base)])
        self.assertEqual(statements("arm64-null-dereference", "operand"), ["it writes 4 bytes at 0x10"])
        self.check("arm64-bug", "assertion", "die.c:")
        [instruction] = statements("arm64-bug", "instruction")
        self.assertRegex(instruction, r": brk #0x800 \(BUG\(\) or WARN\(\)\)$")

    def test_out_of_memory(self):
        self.check("out-of-memory", "out of memory", "most was used by crasher")

    def test_init_killed(self):
        self.check("init-killed", "init killed", "exitcode=0x00000700")

    def test_nmi(self):
        self.check("nmi", "nmi")

    def test_hung_task(self):
        self.check("hung-task", "hung task", "die-starved-0", "in die_starved [die] for the mutex die_kept", "die-keeper")
        keeper = thread("hung-task", "die-keeper")["tid"]
        locks = {row["name"]: row for row in table("hung-task", "locks")}
        self.assertEqual(set(locks), {"die_kept", "die_shared"})
        self.assertEqual([locks[name]["kind"] for name in ("die_kept", "die_shared")], ["mutex", "rw semaphore"])
        starved = [str(thread("hung-task", f"die-starved-{i}")["tid"]) for i in range(3)]
        self.assertEqual(locks["die_kept"]["waiters"].split(), starved)
        self.assertEqual(locks["die_shared"]["waiters"], str(thread("hung-task", "die-reader")["tid"]))
        for lock in locks.values():
            self.assertEqual((lock["owner"], lock["owner_name"], lock["state"], lock["deadlock"]), (keeper, "die-keeper", "held", None))
        for i in range(3):
            waiting = thread("hung-task", f"die-starved-{i}")
            self.assertEqual((waiting["lock"], waiting["lock_owner"]), (locks["die_kept"]["address"], keeper))
        self.assertIsNone(thread("hung-task", "die-keeper")["lock"])
        self.assertTrue(any(line.startswith("3 in die_starved [die]") for line in statements("hung-task", "blocked")))

    def test_deadlock(self):
        self.check("deadlock", "deadlock", "2 threads wait for each other", "die-left", "die-right")
        left, right = (thread("deadlock", name)["tid"] for name in ("die-left", "die-right"))
        circle = f"{left} -> {right} -> {left}"
        self.assertEqual(statements("deadlock", "deadlock"), [circle])
        locks = {row["name"]: row for row in table("deadlock", "locks")}
        self.assertEqual({name: (row["owner"], row["waiters"], row["deadlock"]) for name, row in locks.items()},
                         {"die_left": (left, str(right), circle), "die_right": (right, str(left), circle)})

    def test_messages(self):
        """They end as the console does; what came before the report is what the console shows before it."""
        for death, first in (("null-dereference", "BUG: kernel NULL pointer dereference"), ("bug", "kernel BUG at "),
                             ("soft-lockup", "watchdog: BUG: soft lockup"), ("out-of-memory", "Kernel panic - not syncing")):
            rows = table(death, "messages")
            before = [row for row in rows if row["part"] == "before"]
            report = [row["text"] for row in rows if row["part"] == "report"]
            panic = [row["text"] for row in rows if row["part"] == "panic"]
            said = [line for line in serial(death)]
            self.assertTrue(panic[0].startswith("Kernel panic - not syncing"), death)
            self.assertTrue((report + panic)[0].startswith(first), death)
            self.assertEqual(len(before), 20)
            start = said.index((report + panic)[0])
            shown = [row["text"] for row in before if row["level"] < 7]  # the console leaves out debug messages
            self.assertEqual(shown[-2:], said[start - 2:start], death)
            self.assertEqual((report + panic)[:5], said[start:start + 5], death)

    def test_diff(self):
        first, second = "die-bug", "kaslr"
        told = [{line.split()[0] for line in json.loads((FOLDER / f"{name}.truth.json").read_text())["modules"].splitlines()} for name in (first, second)]
        files = [str(FOLDER / f"{first}.kdump"), str(FOLDER / f"{second}.elf")]

        def differences(*words):
            done = subprocess.run([*PROGRAM, "diff", "--json", *words], capture_output=True, timeout=120, check=True)
            return json.loads(done.stdout)["rows"]

        rows = differences(*files, "modules")
        self.assertEqual({row["row"] for row in rows if row["change"] == "removed"}, told[0] - told[1])
        self.assertEqual({row["row"] for row in rows if row["change"] == "added"}, told[1] - told[0])
        panics = [next(line for line in serial(death) if line.startswith("Kernel panic")) for death in ("bug", "warning")]
        [row] = [row for row in differences(files[0], str(FOLDER / "die-warning.kdump"), "dump") if row["column"] == "panic"]
        self.assertEqual((row["change"], row["before"], row["after"]), ("changed", *panics))
        self.assertEqual(differences(files[0], files[0]), [])

    def test_sysrq(self):
        for guest in ("kaslr.elf", "arm64.elf", "i386.elf"):
            done = subprocess.run([*PROGRAM, "analyze", "--json", str(FOLDER / guest)], capture_output=True, timeout=120, check=True)
            rows = json.loads(done.stdout)["rows"]
            self.assertEqual([row["statement"] for row in rows if row["topic"] == "kind"], ["sysrq"])
            self.assertIn("trigger", rows[0]["statement"])
            self.assertTrue(any(row["statement"].startswith("sysrq_handle_crash") for row in rows if row["topic"] == "frame"), guest)


def main():
    global FOLDER
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    PROGRAM[:] = sys.argv[1:]
    cache = os.environ.get("PANICROOM_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "panicroom")
    FOLDER = Path(os.environ.get("PANICROOM_LINUX_DUMPS") or os.path.join(cache, "linux-dumps"))
    return 0 if unittest.main(argv=sys.argv[:1], exit=False, verbosity=1).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
