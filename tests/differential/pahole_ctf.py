#!/usr/bin/env python3
"""`panicroom type` on CTF against pahole on BTF: a Linux kernel's BTF is written down as CTF, version 3,
plain and compressed, and given as the types of a FreeBSD kernel file. Nothing else here writes CTF of a whole kernel.

usage: pahole_ctf.py PROGRAM [ARGUMENT...] DUMP FIXTURES    DUMP has BTF; FIXTURES has what `foundry make` makes of
                                                            freebsd-amd64.txt
"""

import collections
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import pahole

FIXTURES = ""
# BTF's kinds as CTF's; what CTF does not know keeps its number as an unknown type.
KINDS = {1: 1, 2: 3, 3: 4, 4: 6, 5: 7, 6: 8, 7: 9, 8: 10, 9: 11, 10: 12, 11: 13, 13: 5, 16: 2}
TRAILING = {1: 4, 3: 12, 14: 4, 17: 4}
EACH = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}


def btf_types(blob):
    """(kind, flag, size or type, name, trailing words) of each type, and the strings."""
    header, type_at, type_size, text_at, text_size = struct.unpack_from("<4xIIIII", blob)
    at, end = header + type_at, header + type_at + type_size
    types = []
    while at < end:
        name, info, size = struct.unpack_from("<III", blob, at)
        kind, count = info >> 24 & 31, info & 0xFFFF
        length = TRAILING.get(kind, EACH.get(kind, 0) * count)
        types.append((kind, info >> 31, size, name, struct.unpack_from(f"<{length // 4}I", blob, at + 12)))
        at += 12 + length
    return types, blob[header + text_at: header + text_at + text_size]


def ctf(blob, compressed):
    types, texts = btf_types(blob)
    clones, out, more = {}, bytearray(), bytearray()

    def clone(type_, bits):
        """An integer of so many bits, as ctfconvert makes one for a bit-field."""
        base = type_
        while types[base - 1][0] in (8, 9, 10, 11):
            base = types[base - 1][2]
        kind, _, size, name, words = types[base - 1]
        if kind != 1:
            return None
        if (base, bits) not in clones:
            clones[base, bits] = len(types) + len(clones) + 1
            more.extend(struct.pack("<IIII", name, 1 << 26, size, (words[0] >> 24) << 24 | bits))
        return clones[base, bits]

    left_out = set()
    for kind, flag, size, name, words in types:
        count = len(words) // (EACH.get(kind, 4) // 4) if kind in EACH else 0
        ctf_kind = KINDS.get(kind, 0)
        info = ctf_kind << 26 | 1 << 25 | (count if ctf_kind else 0)
        if kind == 7:
            size = 7 if flag else 6
        out += struct.pack("<III", name, info, size if ctf_kind else 0)
        if kind == 1:
            out += struct.pack("<I", (words[0] >> 24) << 24 | (words[0] & 0xFF))
        elif kind == 16:
            out += struct.pack("<I", 2 << 24 | size * 8)
        elif kind == 3:
            out += struct.pack("<III", *words)
        elif kind in (4, 5):
            for i in range(0, len(words), 3):
                member, type_, place = words[i: i + 3]
                bits = place >> 24 if flag else 0
                if bits:
                    place &= 0xFFFFFF
                    type_ = clone(type_, bits) or left_out.add(name) or type_
                out += struct.pack("<III", member, type_, place)
        elif kind == 6:
            out += struct.pack(f"<{len(words)}I", *words)
        elif kind == 13:
            out += struct.pack(f"<{count}I", *words[1::2])
    out += more
    names = {texts[name: texts.index(b"\0", name)].decode() for name in left_out}
    payload = bytes(out) + texts
    header = struct.pack("<HBB8I", 0xCFF1, 3, int(compressed), 0, 0, 0, 0, 0, 0, len(out), len(texts))
    return header + (zlib.compress(payload) if compressed else payload), names


class PaholeCtf(unittest.TestCase):
    maxDiff = None

    def test_layouts(self):
        compared = 0
        with tempfile.TemporaryDirectory() as folder:
            path = pahole.btf_file(folder)
            dump, pahole.DUMP = pahole.DUMP, f"{FIXTURES}/freebsd-amd64.amd64-v3"
            with open(path, "rb") as file:
                blob = file.read()
            for compressed in (False, True):
                kernel = f"{folder}/kernel-{int(compressed)}"
                contents, without_bits = ctf(blob, compressed)
                with open(f"{folder}/ctf", "wb") as file:
                    file.write(contents)
                subprocess.run(["objcopy", "--add-section", f".SUNW_ctf={folder}/ctf", f"{FIXTURES}/freebsd-amd64.kernel",
                                kernel], check=True)
                for structure in pahole.STRUCTURES:
                    with self.subTest(structure=structure, compressed=compressed):
                        expected, holes = pahole.by_pahole(path, structure)
                        found, found_holes = pahole.by_ours(structure, kernel)
                        # A bit-field's integer has no typedef's name in CTF; one of an enumeration is not a bit-field.
                        for members in (expected, found):
                            for member in [member for member in members if member[5]]:
                                members[(*member[:6], None)] += members.pop(member)
                        if structure not in without_bits:
                            self.assertEqual(found - expected, collections.Counter())
                            self.assertEqual(expected - found, collections.Counter())
                            self.assertEqual(found_holes, holes)
                            compared += 1
            pahole.DUMP = dump
        self.assertGreaterEqual(compared, 100)


if __name__ == "__main__":
    pahole.PROGRAM.extend(sys.argv[1:-2])
    if not pahole.PROGRAM:
        sys.exit(__doc__)
    pahole.DUMP, FIXTURES = sys.argv[-2:]
    unittest.main(argv=[sys.argv[0]])
