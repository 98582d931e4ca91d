#!/usr/bin/env python3
"""Translation against QEMU's own, for running guests with every size of pages: x86 with 2 levels, PAE, 4 and 5 levels,
AArch64 with each granule, several sizes of addresses and 52-bit physical ones.

usage: qemu.py PROGRAM [ARGUMENT...]    PROGRAM is the command line to test, native or wasm.
"""

import json
import re
import subprocess
import sys
import unittest

import guests

PROGRAM = []
FOLDER = None
MOST_ADDRESSES = 400  # of one run
# Of a physical address `info tlb` shows so many bits (QEMU 7.2); `gva2gpa` has them all.
BITS_OF_INFO_TLB = {"two-level": 32, "pae": 52, "four-level": 50, "five-level": 50}


def run(*arguments):
    done = subprocess.run([*PROGRAM, *arguments, "--json"], capture_output=True, timeout=300, check=False)
    return json.loads(done.stdout)


def translated(dump, addresses, *how):
    """Address -> (physical address or None, the steps' rows), by the program."""
    answers = {}
    addresses = list(addresses)
    for start in range(0, len(addresses), MOST_ADDRESSES):
        part = addresses[start:start + MOST_ADDRESSES]
        steps = {address: [] for address in part}
        for row in run("translate", *(f"{address:#x}" for address in part), str(dump), *how)["rows"]:
            steps[int(row["address"], 16)].append(row)
        for address, rows in steps.items():
            found = [row for row in rows if row["table"] == "physical memory"]
            answers[address] = (int(found[0]["entry_address"], 16) if found else None, rows)
    return answers


def aarch64_paging(dump):
    """What the guest read back of its registers, as --root and --paging of the two halves."""
    words = []
    for number in range(3):
        place = guests.PLATFORMS["aarch64"].parameters + 64 + 8 * number
        [row] = run("read", f"{place:#x}", "8", "--physical", str(dump))["rows"]
        words.append(int.from_bytes(bytes.fromhex(row["bytes"]), "little"))
    tcr, ttbr0, ttbr1 = words
    granules = (("4k", "64k", "16k"), (None, "16k", "4k", "64k"))
    wide_form, wide = tcr >> 59 & 1, tcr >> 32 & 7 == 6
    halves = []
    for upper, root in enumerate((ttbr0, ttbr1)):
        granule = granules[upper][tcr >> (30 if upper else 14) & 3]
        address_bits = 64 - (tcr >> (16 if upper else 0) & 63)
        large = wide if granule == "64k" else wide_form
        halves.append(("--root", f"{root & (1 << 48) - 1:#x}", "--paging", f"{granule}:{address_bits}{':lpa' if large else ''}"))
    return halves


class Translation(unittest.TestCase):
    maxDiff = 2000

    def compare(self, name):
        dump = FOLDER / f"{name}.elf"
        told = json.loads((FOLDER / f"{name}.json").read_text())
        expected = {int(address, 16): physical for address, physical in told["gva2gpa"].items()}
        if name.startswith("x86"):
            found = translated(dump, expected, "--root", "cr3")
        else:
            lower, upper = aarch64_paging(dump)
            found = translated(dump, [address for address in expected if address >> 63 == 0], *lower)
            found |= translated(dump, [address for address in expected if address >> 63], *upper)
        different = [f"{address:#x}: QEMU {physical and hex(physical)}, ours {found[address]}"
                     for address, physical in expected.items() if found[address][0] != physical]
        self.assertEqual(different, [], f"{len(different)} of {len(expected)} differ")
        known = sum(physical is not None for physical in expected.values())
        self.assertGreater(known, 200)
        self.assertGreater(len(expected) - known, 100)
        print(f"{name}: {len(expected)} addresses, {known} of them mapped", file=sys.stderr)
        if "info tlb" in told:
            self.compare_entries(dump, told["info tlb"], BITS_OF_INFO_TLB[guests.GUESTS[name].mode])
        if "info mem" in told:
            self.compare_rights(dump, told["info mem"])

    def compare_entries(self, dump, lines, bits):
        """Each page that `info tlb` lists: its place and its entry's bits."""
        entries = {}
        for line in lines:
            virtual, physical, flags = re.fullmatch(r"([0-9a-f]+): ([0-9a-f]+) ([A-Z-]{9})", line).groups()
            entries[int(virtual, 16)] = (int(physical, 16), flags)
        found = translated(dump, entries, "--root", "cr3")
        for virtual, (physical, flags) in entries.items():
            place, rows = found[virtual]
            self.assertEqual((place ^ physical) & (1 << bits) - 1, 0, f"{virtual:#x}: {place:#x}, QEMU {physical:#x}")
            last = [row for row in rows if row["entry"] is not None][-1]
            entry = int(last["entry"], 16)
            if last["meaning"].startswith("4 KiB page"):  # there the bit has another meaning
                entry &= ~(1 << 7)
            shown = "".join(letter if entry >> bit & 1 else "-" for letter, bit in zip("XGPDACTUW", (63, 8, 7, 6, 5, 4, 3, 2, 1)))
            self.assertEqual(shown, flags, f"{virtual:#x}")
        self.assertGreater(len(entries), 30)

    def compare_rights(self, dump, lines):
        """Each range of `info mem`: whether users may read and anyone write there, by the entries of all levels."""
        expected = {}
        for line in lines:
            begin, end, _, user, _, write = re.fullmatch(r"([0-9a-f]+)-([0-9a-f]+) ([0-9a-f]+) ([u-])(r)([w-])", line).groups()
            first, last = int(begin, 16), int(end, 16) - 1
            if first >> 47:  # QEMU counts on behind 48 bits
                last |= -1 << 48 & (1 << 64) - 1
            for address in (first, last, (first + last) // 2):
                expected[address] = (write, "user" if user == "u" else "kernel")
        found = translated(dump, expected, "--root", "cr3")
        for address, rights in expected.items():
            [meaning] = [row["meaning"] for row in found[address][1] if row["table"] == "physical memory"]
            self.assertEqual(re.search(r"\(r([w-])[x-], (\w+)\)", meaning).groups(), rights, f"{address:#x}")
        self.assertGreater(len(set(expected.values())), 2)


def test_of(name):
    return lambda self: self.compare(name)


for guest_name in guests.GUESTS:
    setattr(Translation, f"test_{guest_name.replace('-', '_')}", test_of(guest_name))

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM, sys.argv[1:] = sys.argv[1:], []
    FOLDER = guests.make()
    unittest.main()
