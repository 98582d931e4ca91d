#!/usr/bin/env python3
"""Guests without a system, each with page tables of one kind: made, booted under QEMU, asked what it translates, dumped.
As a program: prints the folder, which is made when what makes it or QEMU is new (a minute at most, once)."""

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "samples/linux")]
sys.dont_write_bytecode = True

from dumpmaker import Failed, debian, qemu  # noqa: E402
from tables import Aarch64, X86, bits, drawing, words  # noqa: E402

READY = 0x600d  # what a guest writes when it translates
MEMORY = 16 << 20
SOURCES = ("guests.py", "tables.py", "x86.S", "aarch64.S")


@dataclass(frozen=True)
class Half:
    """One of AArch64's two table registers: the granule, bits of an address."""
    granule: int
    address_bits: int


@dataclass(frozen=True)
class Guest:
    mode: str = ""  # of x86
    lower: Half | None = None
    upper: Half | None = None
    large: bool = False  # 52-bit physical addresses


GUESTS = {
    "x86-two-level": Guest("two-level"),
    "x86-pae": Guest("pae"),
    "x86-four-level": Guest("four-level"),
    "x86-five-level": Guest("five-level"),
    "aarch64-4k-48": Guest(lower=Half(12, 48), upper=Half(12, 48)),
    "aarch64-4k-39": Guest(lower=Half(12, 39), upper=Half(12, 39)),
    "aarch64-4k-36-25": Guest(lower=Half(12, 36), upper=Half(12, 25)),
    "aarch64-4k-52": Guest(lower=Half(12, 52), upper=Half(12, 52), large=True),
    "aarch64-4k-48-lpa": Guest(lower=Half(12, 48), upper=Half(12, 42), large=True),
    "aarch64-16k-47": Guest(lower=Half(14, 47), upper=Half(14, 47)),
    "aarch64-16k-48-36": Guest(lower=Half(14, 48), upper=Half(14, 36)),
    "aarch64-16k-52": Guest(lower=Half(14, 52), upper=Half(14, 52), large=True),
    "aarch64-64k-48": Guest(lower=Half(16, 48), upper=Half(16, 48)),
    "aarch64-64k-42": Guest(lower=Half(16, 42), upper=Half(16, 42)),
    "aarch64-64k-52": Guest(lower=Half(16, 52), upper=Half(16, 52), large=True),
    "aarch64-4k-39-64k-52": Guest(lower=Half(12, 39), upper=Half(16, 52), large=False),
}


@dataclass(frozen=True)
class Platform:
    target: str
    machine: tuple[str, ...]
    code: int  # where the guest lies, and its parameters
    parameters: int
    nowhere: int  # where no memory is
    link: tuple[str, ...]


PLATFORMS = {
    "x86": Platform("i386-unknown-none", ("qemu-system-x86_64", "-M", "pc", "-cpu", "max,la57=on"), 0x100000, 0x400000, 0xd0000000,
                    ("-m", "elf_i386")),
    "aarch64": Platform("aarch64-unknown-none", ("qemu-system-aarch64", "-M", "virt", "-cpu", "max"), 0x40200000, 0x40400000,
                        0x300000000, ("-m", "aarch64elf")),
}


def build(platform_name, folder):
    """The guest's program."""
    platform = PLATFORMS[platform_name]
    made = folder / platform_name
    subprocess.run(["clang-19", f"--target={platform.target}", "-c", str(HERE / f"{platform_name}.S"), "-o", f"{made}.o"], check=True)
    subprocess.run(["ld.lld-19", *platform.link, "-z", "noseparate-code", "--image-base", hex(platform.code - 0x1000), "-Ttext",
                    hex(platform.code), "--nmagic", "-o", str(made), f"{made}.o"], check=True)
    return made


def spread(tables, draw):
    """Mappings of every size, alone and beside each other, with holes between."""
    first, last = tables.canonical(0), tables.canonical(bits(tables.top - 1, 0))
    for size in reversed(tables.sizes):
        # What a table of two levels has for small pages ends at 4 GiB.
        physical_bits = 32 if tables.width == 4 and size == 4096 else tables.physical_bits
        places = [first, last] + [draw.getrandbits(tables.top) for _ in range(10)]
        for virtual in places:
            virtual = tables.canonical(virtual & ~(size - 1))
            for step in range(draw.choice([1, 1, 3])):
                tables.map(tables.canonical(virtual + step * size), draw.getrandbits(physical_bits) & ~(size - 1), size)
    tables.recurse(tables.canonical(draw.getrandbits(tables.top)))
    tables.litter(60)


def questions(tables, draw):
    asked = []
    for virtual, size in tables.mapped:
        asked += [virtual, virtual + size - 1, virtual - 1, virtual + size]
        asked += [virtual + draw.randrange(size) for _ in range(3)]
    if tables.recursive is not None:
        begin = tables.mapped[-1][0] if tables.mapped else 0
        asked += [begin + draw.randrange(1 << tables.levels[0]) for _ in range(100)]
    asked += [draw.getrandbits(tables.top) for _ in range(100)]
    # Neighbours within the same tables: most entries of a table map nothing.
    for virtual, size in tables.mapped:
        asked += [virtual ^ 1 << draw.randrange(12, tables.top) for _ in range(3)]
    return asked


def x86_world(guest, draw):
    platform = PLATFORMS["x86"]
    tables = X86(guest.mode, platform.parameters + 0x1000, draw)
    for page in (platform.code, platform.parameters):
        tables.map(page, page, 4096, plain=True)
    spread(tables, draw)
    tables.lead_astray(tables.canonical(draw.getrandbits(tables.top)), platform.nowhere)
    wide = guest.mode != "two-level"
    cr4 = (1 << 5 if wide else 0) | 1 << 4 | 1 << 7 | (1 << 12 if guest.mode == "five-level" else 0)  # PAE, PSE, PGE, LA57
    efer = (1 << 11 if wide else 0) | (1 << 8 if tables.top > 32 else 0)  # NXE, LME
    cr0 = 1 << 31 | 1 << 16 | 1  # PG, WP, PE
    # The root's flag bits (write-through, cache disabled) are no address bits.
    parameters = words(tables.root | 0x18, cr4, efer, cr0)
    # QEMU takes an address of more than 32 bits as its lower half outside of long mode: not asked.
    limit = (1 << 32) - 1 if tables.top == 32 else (1 << 64) - 1
    asked = [address for address in questions(tables, draw) if 0 <= address <= limit]
    if tables.top > 32:
        asked = [address if draw.randrange(8) == 0 else tables.canonical(address) for address in asked]
        asked += [1 << tables.top - 1, (1 << 64) - (1 << tables.top - 1) - 1, 1 << tables.top, 1 << 63]
    return parameters.ljust(0x1000, b"\0") + tables.memory, asked


def aarch64_world(guest, draw):
    platform = PLATFORMS["aarch64"]
    base, memory, asked, roots = platform.parameters + 0x10000, b"", [], []
    granules = {12: (0, 2), 14: (2, 1), 16: (1, 3)}  # TG0, TG1
    tcr = (6 if guest.large else 5) << 32 | (1 << 59 if guest.large and guest.lower.granule != 16 else 0)  # IPS, DS
    for half, upper in ((guest.lower, False), (guest.upper, True)):
        base += -base % (1 << 16)
        memory = memory.ljust(base - platform.parameters - 0x10000, b"\0")
        tables = Aarch64(half.granule, half.address_bits, guest.large, upper, base, draw)
        if not upper:
            page = 1 << half.granule
            for place in (platform.code, platform.parameters):
                tables.map(place & ~(page - 1), place & ~(page - 1), page, plain=True)
        spread(tables, draw)
        tables.lead_astray(tables.canonical(draw.getrandbits(tables.top)), platform.nowhere)
        asked += [address & (1 << 64) - 1 for address in questions(tables, draw)]
        asked += [tables.canonical(draw.getrandbits(64)) for _ in range(50)]
        asked.append(1 << half.address_bits if not upper else (1 << 64) - (1 << half.address_bits) - 1)
        # Size of the half, granule, and that walks are cached.
        shift = 16 if upper else 0
        tcr |= (64 - half.address_bits | 5 << 8) << shift | granules[half.granule][upper] << (30 if upper else 14)
        roots.append(tables.root)
        memory += tables.memory
        base += len(tables.memory)
    # An address space's number beside the root is no address bit.
    parameters = words(tcr, roots[0] | 0x1234 << 48, roots[1])
    return parameters.ljust(0x10000, b"\0") + memory, asked


def ask(machine, line):
    return machine.command("human-monitor-command", **{"command-line": line})


def run(name, program, folder, results):
    """Boots the guest; leaves its dump and what QEMU said in `results`."""
    guest, platform_name = GUESTS[name], name.partition("-")[0]
    platform = PLATFORMS[platform_name]
    memory, asked = (x86_world if platform_name == "x86" else aarch64_world)(guest, drawing(name))
    image = folder / "tables"
    image.write_bytes(memory)
    command = [*platform.machine, "-accel", "tcg", "-m", str(MEMORY >> 20), "-kernel", str(program),
               "-device", f"loader,file={image},addr={platform.parameters:#x},force-raw=on"]
    with qemu.Machine(folder, command) as machine:
        machine.connect(60)
        deadline = time.monotonic() + 60
        while f"{READY:#010x}" not in ask(machine, f"xp /1wx {platform.parameters + 32:#x}"):
            if time.monotonic() > deadline:
                raise Failed(f"{name} does not begin to translate: {ask(machine, 'info registers')}")
            time.sleep(0.05)
        machine.command("stop")
        answers = {}
        for address in dict.fromkeys(asked):
            said = ask(machine, f"gva2gpa {address:#x}")
            found = re.fullmatch(r"gpa: 0x([0-9a-f]+)\s*", said)
            if not found and said.strip() != "Unmapped":
                raise Failed(f"{name}: gva2gpa {address:#x}: {said}")
            answers[f"{address:#x}"] = found and int(found[1], 16)
        told = {"gva2gpa": answers}
        if platform_name == "x86":
            told["info tlb"] = ask(machine, "info tlb").splitlines()
            if guest.mode != "five-level":  # QEMU 7.2 comes to no end with these tables
                told["info mem"] = ask(machine, "info mem").splitlines()
        dump = results / f"{name}.elf"
        machine.dump(dump)
    dump.chmod(0o644)
    subprocess.run(["fallocate", "--dig-holes", str(dump)], capture_output=True)
    dump.with_suffix(".json").write_text(json.dumps(told, indent=0) + "\n")


def make():
    """The folder of the guests' dumps and answers, made when it is not there."""
    version = subprocess.run(["qemu-system-aarch64", "--version"], check=True, capture_output=True).stdout
    content = b"".join((HERE / source).read_bytes() for source in SOURCES) + version
    target = debian.cache_folder() / "translation" / hashlib.sha256(content).hexdigest()[:16]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target

        for old in (*target.parent.glob("[0-9a-f]*"), *target.parent.glob(".making-*")):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as making:
            programs = {platform: build(platform, Path(scratch)) for platform in PLATFORMS}
            results = Path(making) / "results"
            results.mkdir(mode=0o755)
            for name in GUESTS:
                folder = Path(scratch) / name  # sockets' paths must be short
                folder.mkdir()
                run(name, programs[name.partition("-")[0]], folder, results)
            results.rename(target)
    return target


if __name__ == "__main__":
    try:
        print(make())
    except Failed as error:
        sys.exit(f"tests/translation/guests.py: {error}")
