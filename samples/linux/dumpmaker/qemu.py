"""A machine under QEMU: boot, wait for its crash, take dumps through QMP. The machine ends when the block ends."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

from . import Failed, recipes

# The kernel prints this when panic() has nothing left to do but spin.
PANIC_DONE = b"end Kernel panic"
TRUTH_DONE = b'{"kind":"end"}'
VMCORE_SAVED = b'{"kind":"saved","bytes":'
TRUTH_FAILED = b'{"kind":"failed"'


class Machine:
    """A running QEMU that answers QMP. Use it as a context manager: leaving the block kills it, whatever happened."""

    def __init__(self, folder: Path, command: list[str]):
        self._complaints = folder / "qemu.log"
        self._socket_path = folder / "qmp"
        self._command = [*command, "-nodefaults", "-display", "none", "-no-reboot",
                         "-qmp", f"unix:{self._socket_path},server=on,wait=off"]

    def __enter__(self) -> "Machine":
        self._log = self._complaints.open("wb")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(5))
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def must_run(self) -> None:
        if self._process.poll() is not None:
            said = self._complaints.read_text(errors="replace").strip()
            raise Failed(f"QEMU ended with status {self._process.returncode}: {said}")

    def connect(self, seconds: float) -> None:
        """Opens QMP."""
        deadline = time.monotonic() + seconds
        while True:
            self.must_run()
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(seconds)
            try:
                self._socket.connect(str(self._socket_path))
                break
            except (FileNotFoundError, ConnectionRefusedError):  # it is just starting
                self._socket.close()
                if time.monotonic() > deadline:
                    raise Failed("QEMU does not take a connection") from None
                time.sleep(0.05)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        self.command("qmp_capabilities")

    def command(self, execute: str, **arguments):
        self.must_run()
        request = {"execute": execute}
        if arguments:
            request["arguments"] = arguments
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            while line := self._lines.readline():
                answer = json.loads(line)
                if "error" in answer:
                    raise Failed(f"QEMU refused {execute}: {answer['error'].get('desc', answer['error'])}")
                if "return" in answer:
                    return answer["return"]
        except TimeoutError:
            raise Failed(f"QEMU did not answer {execute} in time") from None
        self._process.wait(timeout=10)
        self.must_run()

    def dump(self, path: Path, *, paging: bool = False, kdump: str | None = None) -> None:
        """`kdump`: QEMU's name of a compressed format (Debian builds kdump-zlib only); None writes ELF."""
        arguments: dict = {"protocol": f"file:{path}", "paging": paging}
        if kdump is not None:
            arguments["format"] = kdump
        self.command("dump-guest-memory", **arguments)


class Guest(Machine):
    """A machine with a Linux kernel that tells its truth and crashes."""

    def __init__(self, folder: Path, kernel: Path, initrd: Path, boot: recipes.Boot, devices: list[str]):
        platform = recipes.PLATFORMS[boot.architecture]
        self.serial = folder / "serial.log"
        self.truth = folder / "truth.raw"
        append = f"console={platform.console} truth={platform.truth} panic=0 {boot.append}".strip()
        files = (self.serial, self.truth)
        ports = [word for option, file in zip(platform.serial_ports, files) for word in option.format(file).split(" ")]
        super().__init__(folder, [
            platform.emulator, "-accel", "tcg", "-m", boot.memory, "-smp", "2", "-kernel", str(kernel), "-initrd", str(initrd),
            "-append", append, *ports, *boot.machine, *devices])

    def wait_for_crash(self, seconds: float) -> None:
        """Until the kernel has nothing left to do but spin."""
        self._wait(seconds, lambda serial, truth: PANIC_DONE in serial)

    def wait_for_truth(self, seconds: float) -> None:
        self._wait(seconds, lambda serial, truth: TRUTH_DONE in truth)

    def wait_for_vmcore(self, seconds: float) -> int:
        """Until the guest's crash kernel has saved /proc/vmcore on its disk; gives the number of bytes."""
        truth = self._wait(seconds, lambda serial, truth: VMCORE_SAVED in truth and truth.endswith(b"}\n"))
        return json.loads(truth[truth.index(VMCORE_SAVED):])["bytes"]

    def _wait(self, seconds: float, done) -> bytes:
        deadline = time.monotonic() + seconds
        while True:
            self.must_run()
            truth = self.truth.read_bytes() if self.truth.exists() else b""
            serial = self.serial.read_bytes() if self.serial.exists() else b""
            if TRUTH_FAILED in truth:
                raise Failed("the guest gave up: " + truth[truth.index(TRUTH_FAILED):].decode(errors="replace").strip())
            if done(serial, truth):
                if TRUTH_DONE not in truth:
                    raise Failed(f"the guest's kernel panicked before the guest had told its truth; its last words:\n{tail(serial)}")
                return truth
            if time.monotonic() > deadline:
                raise Failed(f"the guest did not crash within {seconds:.0f} s; its last words:\n{tail(serial)}")
            time.sleep(0.25)


def tail(serial: bytes, lines: int = 8) -> str:
    return "\n".join("    " + line for line in serial.decode(errors="replace").splitlines()[-lines:])
