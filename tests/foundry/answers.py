#!/usr/bin/env python3
"""The foundry's dumps against the answers that it publishes with them, through the command line.

usage: answers.py FIXTURES PROGRAM [ARGUMENT...]    FIXTURES is what `foundry make` wrote; PROGRAM is the command line to
                                                    test, native or wasm.
Each dump of each description is opened with its kernel file (with types where there is one that has them) and asked for
its processes, threads, stacks and log in one SQL statement; mappings are translated. What a description leaves open is
not compared.
"""
import json
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM: list[str] = []
FIXTURES = Path()

QUESTION = """
SELECT 'process' AS what, pid AS number, name, state AS a, NULL AS b, NULL AS c FROM processes
UNION ALL SELECT 'thread', tid, name, crashed, cpu, pid FROM threads
UNION ALL SELECT 'frame', tid, CAST(pc AS TEXT), frame, pid, NULL FROM frames WHERE NOT inlined
"""
LOG = "UNION ALL SELECT 'log', level, text, NULL, NULL, NULL FROM log"


def ask(*arguments):
    done = subprocess.run([*PROGRAM, *arguments, "--json"], capture_output=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: status {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)["rows"]


def number(text):
    return int(text, 0) if isinstance(text, str) else text


class Answers(unittest.TestCase):
    """One dump of one description; what the description says of both."""

    answers: dict
    dump: dict

    def __init__(self, answers, dump):
        super().__init__("runTest")
        self.answers = answers
        self.dump = dump

    def id(self):
        return self.dump["files"][0]

    __str__ = id

    def files(self):
        names = list(self.dump["files"])
        with_types = [name for name in self.answers["kernels"] if name.endswith("ctf3z")]
        return [str(FIXTURES / name) for name in names + (with_types or self.answers["kernels"][:1])]

    def runTest(self):
        if self.answers["system"]:
            self.kernel()
        self.translations()

    def kernel(self):
        rows = ask("sql", QUESTION + (LOG if self.answers["log"] else ""), *self.files())
        kinds = {kind: [row for row in rows if row["what"] == kind] for kind in ("process", "thread", "frame", "log")}
        processes = self.answers["processes"]
        self.assertCountEqual([(row["number"], row["name"]) for row in kinds["process"]],
                              [(process["pid"], process["name"]) for process in processes], "processes")
        threads = [(process["pid"], thread) for process in processes for thread in process["threads"]]
        threads += [(None, {"tid": None, **thread}) for thread in self.answers.get("kernel_threads", [])]
        named = all("name" in thread for _, thread in threads)

        def key(pid, tid, name):
            return (pid, tid, name) if named else (pid, tid)

        self.assertCountEqual([key(row["c"], row["number"], row["name"]) for row in kinds["thread"]],
                              [key(pid, thread["tid"], thread.get("name")) for pid, thread in threads], "threads")
        for pid, thread in threads:
            row = next(row for row in kinds["thread"]
                       if key(row["c"], row["number"], row["name"]) == key(pid, thread["tid"], thread.get("name")))
            who = f"{thread['tid']} {thread.get('name')}"
            self.assertEqual(bool(row["a"]), thread["crashed"], f"crashed: {who}")
            if "cpu" in thread:
                self.assertEqual(row["b"], thread["cpu"], f"processor of {who}")
            has_registers = {"all": True, "crashed": thread["crashed"], "none": False}[self.dump["registers"]]
            if "cpu" in thread and not has_registers:
                continue
            alone = thread["tid"] is not None and [t["tid"] for _, t in threads].count(thread["tid"]) == 1
            if thread["frames"] and alone:
                stack = [number(frame["name"]) for frame in kinds["frame"]
                         if frame["number"] == thread["tid"] and frame["b"] == pid]
                self.assertEqual([hex(pc & (1 << 64) - 1) for pc in stack], thread["frames"], f"stack of {who}")
        said = [(row["number"], row["name"]) for row in kinds["log"]]
        for line in self.answers["log"]:
            self.assertIn((line.get("level"), line["text"]), said, "log")
        self.assertEqual(len(said), len(self.answers["log"]), "lines of the log")

    def translations(self):
        excluded = {int(page, 16) for page in self.answers["excluded"]}
        page = self.answers["page_size"]
        # Processes' own mappings are not in every dump: those of the kernel's half are.
        lowest = 0 if self.answers["architecture"] == "i386" else 1 << 63
        mappings = [mapping for mapping in self.answers["mappings"] if int(mapping["virtual"], 16) >= lowest]
        # Each start of node takes a quarter of a second; the tests in wasm translate all of them within one process.
        for mapping in mappings[:1 if PROGRAM[0] == "node" else 4]:
            start, physical = int(mapping["virtual"], 16), int(mapping["physical"], 16)
            for offset in (0, mapping["size"] - 8):
                at = physical + offset
                present = any(int(first, 16) <= at // page * page and at < int(end, 16)
                              for first, end in self.answers["ram"])
                if not present or at // page * page in excluded:
                    continue
                steps = ask("translate", hex(start + offset), *self.files())
                self.assertTrue(any(hex(at) in json.dumps(step) for step in steps),
                                f"{start + offset:#x} lies at {at:#x}: {steps}")


def all_dumps():
    suite = unittest.TestSuite()
    for path in sorted(FIXTURES.glob("*.answers.json")):
        answers = json.loads(path.read_text(encoding="utf-8"))
        suite.addTests(Answers(answers, dump) for dump in answers["dumps"])
    return suite


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    FIXTURES = Path(sys.argv[1])
    PROGRAM = sys.argv[2:]
    if not list(FIXTURES.glob("*.answers.json")):
        sys.exit(f"{FIXTURES} has no answers: make them with `foundry make`")
    sys.exit(0 if unittest.TextTestRunner().run(all_dumps()).wasSuccessful() else 1)
