"""The guest's file system: a newc cpio archive (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""

import subprocess
import tempfile
from pathlib import Path

from . import Failed


def compile_guest(source: Path, compiler: str) -> bytes:
    """The guest's only program, linked statically."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "init"
        command = [compiler, "-O1", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source), "-pthread"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{source} does not compile:\n{done.stderr}")
        return program.read_bytes()


def _entry(name: str, mode: int, content: bytes, inode: int, device: tuple[int, int]) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    header += b"\0" * (-len(header) % 4)
    return header + content + b"\0" * (-len(content) % 4)


def archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """`files`: path -> (mode with file type, content). A console device is added: the kernel opens it before init runs."""
    parts = [
        _entry("dev", 0o040755, b"", 1, (0, 0)),
        _entry("dev/console", 0o020600, b"", 2, (5, 1)),
    ]
    for inode, (path, (mode, content)) in enumerate(sorted(files.items()), start=3):
        parts.append(_entry(path, mode, content, inode, (0, 0)))
    parts.append(_entry("TRAILER!!!", 0, b"", 0, (0, 0)))
    return b"".join(parts)
