"""Files made from other files. Each function writes every path of `targets`; nobody sees them before all are whole."""

import ctypes
import json
import struct
import subprocess
import tempfile
from pathlib import Path

from . import Failed, debian, elf, recipes, truth


def _makedumpfile(arguments: list[str], **options) -> None:
    # 4: error messages only, no progress.
    done = subprocess.run([*debian.makedumpfile(), "--message-level", "4", *arguments], stderr=subprocess.PIPE, **options)
    if done.returncode != 0:
        said = (done.stderr or b"").decode(errors="replace").strip()
        raise Failed(f"makedumpfile {' '.join(arguments)} failed with status {done.returncode}: {said}")


def makedumpfile(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    _makedumpfile([*arguments, str(source), str(targets[0])], stdout=subprocess.DEVNULL)


def makedumpfile_flattened(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    with targets[0].open("wb") as file:
        _makedumpfile(["-F", *arguments, str(source)], stdout=file)


def makedumpfile_split(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    _makedumpfile(["--split", *arguments, str(source), *map(str, targets)], stdout=subprocess.DEVNULL)


def makedumpfile_disk_full(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    """makedumpfile marks a dump as incomplete when the disk fills up: a small file system of its own gives it that."""
    with tempfile.TemporaryDirectory() as folder:
        script = ('folder="$1" out="$2"; shift 2; mount -t tmpfs -o size=12m small "$folder" || exit 99; '
                  '"$@" "$folder/dump" >/dev/null 2>&1; cp --sparse=always "$folder/dump" "$out"')
        command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", folder, str(targets[0]),
                   *debian.makedumpfile(), *arguments, str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"no dump cut short by a full disk: {done.stderr.strip() or done.returncode}")
    # disk_dump_header.status of a 64-bit dump (crash and makedumpfile, diskdump_mod.h): 8 is "incomplete".
    with targets[0].open("rb") as file:
        status = int.from_bytes(file.read(428)[424:], "little")
    if not status & 8:
        raise Failed(f"makedumpfile did not mark the dump of the full disk as incomplete (status {status})")


def snappy_pages(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    """`source`, which makedumpfile wrote without compression, with its pages compressed by libsnappy: no makedumpfile of
    Debian can write those. Layout: disk_dump_header and page_desc of makedumpfile's diskdump_mod.h, 64-bit."""
    library = ctypes.CDLL("libsnappy.so.1")
    library.snappy_max_compressed_length.restype = ctypes.c_size_t
    whole = source.read_bytes()
    block_size, header_blocks, bitmap_blocks = struct.unpack_from("<iiI", whole, 428)
    descriptors = (1 + header_blocks + bitmap_blocks) * block_size
    dumped = whole[(1 + header_blocks + bitmap_blocks // 2) * block_size:descriptors]
    first_page = descriptors + 24 * int.from_bytes(dumped, "little").bit_count()
    room = library.snappy_max_compressed_length(ctypes.c_size_t(block_size))
    compressed = ctypes.create_string_buffer(room)
    placed: dict[int, bytes] = {}
    front = bytearray(whole[:first_page])
    pages = bytearray()
    for at in range(descriptors, first_page, 24):
        offset, size, flags, page_flags = struct.unpack_from("<qIIQ", whole, at)
        if size != block_size or flags != 0:
            raise Failed(f"{source}: the page descriptor at {at} is not that of a plain page")
        if offset not in placed:
            page = whole[offset:offset + size]
            length = ctypes.c_size_t(room)
            if library.snappy_compress(page, ctypes.c_size_t(size), compressed, ctypes.byref(length)) != 0:
                raise Failed("libsnappy refused a page")
            shorter = length.value < size
            placed[offset] = struct.pack("<qIIQ", first_page + len(pages), length.value if shorter else size, 4 if shorter else 0, page_flags)
            pages += compressed.raw[:length.value] if shorter else page
        front[at:at + 24] = placed[offset]
    struct.pack_into("<I", front, 424, struct.unpack_from("<I", front, 424)[0] | 4)
    targets[0].write_bytes(front + pages)


def standard_elf(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    elf.normalise(source, targets[0])


def first_part(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    """The first so many percent of the file."""
    size = source.stat().st_size * int(arguments[0]) // 100
    subprocess.run(["cp", "--sparse=always", str(source), str(targets[0])], check=True)
    with targets[0].open("r+b") as file:
        file.truncate(size)


def truth_json(source: Path, targets: list[Path], arguments: tuple[str, ...]) -> None:
    boot = recipes.boot_of(source.name)
    spec = recipes.BOOTS[boot]
    how = {"boot": boot, "memory": spec.memory, "architecture": spec.architecture, "append": spec.append,
           "machine": list(spec.machine), "death": spec.death}
    serial = source.with_name(f"{boot}.serial.log").read_bytes()
    collected = truth.collect(source.read_bytes(), serial, how)
    targets[0].write_text(json.dumps(collected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


FUNCTIONS = {
    "makedumpfile": makedumpfile,
    "makedumpfile_flattened": makedumpfile_flattened,
    "makedumpfile_split": makedumpfile_split,
    "makedumpfile_disk_full": makedumpfile_disk_full,
    "snappy_pages": snappy_pages,
    "standard_elf": standard_elf,
    "first_part": first_part,
    "truth": truth_json,
}
