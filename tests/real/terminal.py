#!/usr/bin/env python3
"""The command line in real terminals (pseudo-terminals), narrow and wide, and piped.

usage: terminal.py PROGRAM [ARGUMENT...]    PROGRAM is the command line to test, native or wasm.
"""

import fcntl
import contextlib
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unicodedata
import unittest
from pathlib import Path

SAMPLE = str(Path(__file__).resolve().parents[2] / "samples" / "linux" / "sample.vmcore")
PROGRAM: list[str] = []
TABLES = [["info", SAMPLE], ["ps", SAMPLE], ["threads", SAMPLE], ["log", SAMPLE], ["ranges", SAMPLE], ["tables"], ["formats"],
          ["translate", "init_task", SAMPLE], ["symbols", "panic", "init_task", SAMPLE]]
BOLD = re.compile(r"\x1b\[1m(.*?)\x1b\[0m")


def in_terminal(arguments, columns, environment=None):
    """(standard output, which is a terminal of that width; standard error, which is piped)"""
    main, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([*PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE,
                               env={**os.environ, "NO_COLOR": "", **(environment or {})})
    os.close(terminal)
    said = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the program has closed its end
            break
        if not part:
            break
        said += part
    os.close(main)
    complaint = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    return said.decode().replace("\r\n", "\n"), complaint


def piped(arguments):
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, check=False)
    return done.stdout.decode()


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


class Completions(unittest.TestCase):
    def test_each_shell_can_read_its_script(self):
        for shell in ("bash", "zsh", "fish"):
            done = subprocess.run([shell, "-n", "/dev/stdin"], input=piped(["completion", shell]), capture_output=True,
                                  text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), shell)

    def test_bash_offers_commands_tables_and_a_commands_own_options(self):
        def offered(*words):
            ask = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _panicroom; echo ${{COMPREPLY[*]}}"
            script = piped(["completion", "bash"]) + ask.replace("EMPTY", "''")
            return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(offered("panicroom", "thr"), ["threads"])
        self.assertEqual(offered("panicroom", "vto"), ["vtop"])
        self.assertIn("frames", offered("panicroom", "table", "EMPTY"))
        self.assertIn("--pid", offered("panicroom", "ps", "--"))
        self.assertNotIn("--tid", offered("panicroom", "ps", "--"))
        self.assertIn("--physical", offered("panicroom", "vtop", "--"))


class Terminal(unittest.TestCase):
    def test_lines_fit(self):
        for columns in (40, 60, 80, 200):
            for arguments in TABLES:
                with self.subTest(columns=columns, command=arguments[0]):
                    out, _ = in_terminal(arguments, columns)
                    table = BOLD.sub(r"\1", out).split("\n\npid ")[0]  # the stack under `info` is no table
                    self.assertNotIn("\x1b", table)
                    self.assertLessEqual(max(map(width, table.split("\n"))), columns)

    def test_columns_that_have_no_room_are_named(self):
        out, complaint = in_terminal(["ps", SAMPLE], 50)
        self.assertNotIn("ADDRESS", out)
        self.assertRegex(complaint, r"too narrow for: .*address")
        out, complaint = in_terminal(["ps", SAMPLE], 120)
        self.assertIn("ADDRESS", out)
        self.assertNotIn("too narrow", complaint)

    def test_bold_only_where_it_is_wanted(self):
        out, _ = in_terminal(["ps", SAMPLE], 100)
        self.assertTrue(out.startswith("\x1b[1m"))
        out, _ = in_terminal(["ps", SAMPLE], 100, {"NO_COLOR": "1"})
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\x1b", piped(["ps", SAMPLE]))

    def test_piped_nothing_is_cut(self):
        for arguments in TABLES:
            self.assertNotIn("…", piped(arguments))
        out, _ = in_terminal(["threads", SAMPLE], 40)
        self.assertIn("…", out)

    def test_the_last_text_is_whole(self):
        # From Linux's crash_kexec() trace: what comes last on its line is what was asked for.
        code = [line for line in piped(["log", SAMPLE]).splitlines() if " Code: " in line][0].split("Code: ")[1].split()
        out, _ = in_terminal(["log", SAMPLE], 60, {"NO_COLOR": "1"})
        self.assertIn(" ".join(code), " ".join(out.split()))

    def test_raw_bytes_are_kept_from_a_terminal(self):
        out, complaint = in_terminal(["read", "linux_banner", "32", "--raw", SAMPLE], 80)
        self.assertEqual(out, "")
        self.assertIn("send them to a file or a pipe", complaint)


class SqlPrompt(unittest.TestCase):
    """Only the native program has a prompt."""

    def setUp(self):
        if PROGRAM[0].endswith("node"):
            self.skipTest("no prompt in wasm")
        self.state = tempfile.TemporaryDirectory()
        self.addCleanup(self.state.cleanup)
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "XDG_STATE_HOME": self.state.name}
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execve(PROGRAM[0], [*PROGRAM, "sql", SAMPLE], environment)
        self.said = ""
        self.wait_for("sql> ")

    def wait_for(self, text, seconds=20):
        """What was printed up to and with `text`."""
        end = time.monotonic() + seconds
        while text not in self.said:
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                self.fail(f"{text!r} was not printed, but {self.said!r}")
            self.said += os.read(self.terminal, 65536).decode()
        at = self.said.index(text) + len(text)
        before, self.said = self.said[:at], self.said[at:]
        return before

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def end(self):
        # While a line is still there (it is dropped), or a statement runs, the end of input goes unheard.
        for _ in range(100):
            with contextlib.suppress(OSError):  # the program is gone already
                self.type("\x15\x04")
            ended, status = os.waitpid(self.process, os.WNOHANG)
            if ended:
                break
            time.sleep(0.1)
        else:
            self.fail("the prompt does not end")
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)

    def test_edits_completes_and_answers(self):
        self.type("select count(*) as n from processess\x7f;\n")
        self.wait_for("N\r\n")
        self.wait_for("sql> ")
        self.type(".sch\t")
        self.wait_for("ema")
        self.type("loa\t\n")
        self.wait_for("CREATE TABLE load (")
        self.wait_for("sql> ")
        self.assertEqual(self.end(), 0)

    def test_control_c_drops_the_line_or_stops_the_statement(self):
        self.type("select nothing")
        self.wait_for("select nothing")
        time.sleep(0.3)  # the terminal shows keys before the prompt reads them
        self.type("\x03")
        self.wait_for("sql> ")
        self.type("with recursive c(x) as (select 1 union all select x + 1 from c) select sum(x) from c;\n")
        self.wait_for("from c;")
        time.sleep(0.5)
        self.type("\x03")
        self.wait_for("the statement was stopped")
        self.wait_for("sql> ")
        self.type("select 40 + 2 as sum;\n")
        self.wait_for("42")
        self.wait_for("sql> ")
        self.assertEqual(self.end(), 0)

    def test_the_history_is_the_users_alone(self):
        self.type("select 'typed' as word;\n")
        self.wait_for("WORD")
        self.wait_for("sql> ")
        self.type("\x10\n")  # the line before
        self.wait_for("WORD")
        self.wait_for("sql> ")
        self.assertEqual(self.end(), 0)
        history = Path(self.state.name) / "panicroom" / "sql_history"
        self.assertIn("typed", history.read_text())
        self.assertEqual(history.stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    PROGRAM.extend(sys.argv[1:])
    if not PROGRAM:
        sys.exit(__doc__)
    unittest.main(argv=[sys.argv[0]])
