"""A standard ELF header for the dump that QEMU writes.

QEMU's dump-guest-memory leaves e_ehsize wrong and puts the section headers between the ELF header and the program
headers (e_phoff 192). makedumpfile accepts neither. Program headers and memory keep their place in the file; only the
headers in front of them are written anew.
"""

import struct
import subprocess
from pathlib import Path

from . import Failed

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")


def normalise(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        fields = _EHDR.unpack(file.read(_EHDR.size))
        ident, kind, machine, version, entry, phoff, _shoff, flags, _ehsize, phentsize, phnum, *_ = fields
        if ident[:6] != b"\x7fELF\x02\x01" or phentsize != _PHDR.size or phnum == 0xFFFF:
            raise Failed(f"{source}: not the 64-bit ELF dump with ordinary program headers that was expected")
        file.seek(phoff)
        headers = file.read(phnum * _PHDR.size)
    first_data = min(_PHDR.unpack_from(headers, at)[2] for at in range(0, len(headers), _PHDR.size))
    if _EHDR.size + len(headers) > first_data:
        raise Failed(f"{source}: no room for the program headers in front of the memory")
    subprocess.run(["cp", "--sparse=always", "--no-preserve=mode", str(source), str(target)], check=True)
    with target.open("r+b") as file:
        file.write(_EHDR.pack(ident, kind, machine, version, entry, _EHDR.size, 0, flags, _EHDR.size, phentsize, phnum, 0, 0, 0))
        file.write(headers)
        file.write(bytes(phoff + len(headers) - file.tell()))
