"""Page tables of x86 and AArch64, written into a piece of physical memory. Bits that the processor ignores are drawn."""

import random
import struct

MASK = (1 << 64) - 1


def bits(high, low):
    return (1 << high + 1) - (1 << low)


class Tables:
    """A tree of tables. `levels` are the shifts of the address bits that each level's index begins with, from the root on;
    `top` is where the root's index ends."""

    def __init__(self, base, table_size, width, levels, top, draw):
        self.base, self.memory = base, bytearray()
        self.table_size, self.width, self.levels, self.top, self.draw = table_size, width, levels, top, draw
        self.mapped = []  # (first, size)
        self.recursive = None
        self.root = self.new_table()

    def new_table(self):
        self.memory += bytes(self.table_size)
        return self.base + len(self.memory) - self.table_size

    def place(self, table, level, virtual):
        above = self.top if level == 0 else self.levels[level - 1]
        return table + ((virtual & bits(above - 1, 0)) >> self.levels[level]) * self.width

    def entry(self, place):
        return int.from_bytes(self.memory[place - self.base:place - self.base + self.width], "little")

    def put(self, place, value):
        self.memory[place - self.base:place - self.base + self.width] = (value & MASK).to_bytes(self.width, "little")

    def map(self, virtual, physical, size, plain=False):
        """False when something is there already. A `plain` mapping is the kernel's own, all rights, and so are its tables."""
        table = self.root
        if self.place(table, 0, virtual) == self.recursive:
            return False
        for level, shift in enumerate(self.levels):
            place = self.place(table, level, virtual)
            entry = self.entry(place)
            if 1 << shift == size:
                if entry & 1:
                    return False
                self.put(place, self.leaf(physical, level, plain))
                self.mapped.append((virtual, size))
                return True
            if not entry & 1:
                table = self.new_table()
                self.put(place, self.link(table, level, plain))
            elif (table := self.table_of(entry, level)) is None:
                return False
        raise ValueError(f"no page has {size:#x} bytes")

    def table_of(self, entry, level):
        """Which table an entry leads to; None for a page."""
        linked = entry & bits(47, self.table_size.bit_length() - 1) & bits(8 * self.width - 1, 0)
        return None if self.is_leaf(entry, level) else linked

    def recurse(self, virtual):
        """An entry of the root leads to the root: the tables become pages, and pages of the largest sizes become tables."""
        place = self.place(self.root, 0, virtual)
        if self.entry(place) & 1:
            return
        self.put(place, self.link(self.root, 0, plain=True))
        self.recursive = place
        self.mapped.append((virtual & ~bits(self.levels[0] - 1, 0), 1 << self.levels[0]))

    def litter(self, count):
        """Entries that map nothing but are not zero."""
        for _ in range(count):
            place = self.base + self.draw.randrange(len(self.memory) // self.width) * self.width
            if self.entry(place) == 0:
                self.put(place, self.draw.getrandbits(8 * self.width) & ~1)

    def lead_astray(self, virtual, physical):
        """Where no memory is, a table is said to be."""
        place = self.place(self.root, 0, virtual)
        if not self.entry(place) & 1:
            self.put(place, self.link(physical, 0, plain=True))
            self.mapped.append((virtual & ~bits(self.levels[0] - 1, 0), 1 << self.levels[0]))


class X86(Tables):
    MODES = {
        # levels, top, sizes of pages, bits of physical addresses
        "two-level": ((22, 12), 32, (1 << 12, 1 << 22), 40),
        "pae": ((30, 21, 12), 32, (1 << 12, 1 << 21), 52),
        "four-level": ((39, 30, 21, 12), 48, (1 << 12, 1 << 21, 1 << 30), 52),
        "five-level": ((48, 39, 30, 21, 12), 57, (1 << 12, 1 << 21, 1 << 30), 52),
    }

    def __init__(self, mode, base, draw):
        levels, top, self.sizes, self.physical_bits = self.MODES[mode]
        self.mode = mode
        super().__init__(base, 4096, 4 if mode == "two-level" else 8, levels, top, draw)

    def ignored(self):
        """Software's bits, protection keys, accessed, how it is cached."""
        if self.mode == "two-level":
            return self.draw.getrandbits(32) & (bits(11, 9) | bits(5, 3))
        return self.draw.getrandbits(64) & (bits(11, 9) | bits(5, 3) | (0 if self.mode == "pae" else bits(62, 52)))

    def rights(self, often=0):
        """What users, writing and execution are allowed; all of it more often than not where it holds for what is below."""
        allowed = 6 if self.draw.randrange(8) < often else self.draw.choice([0, 2, 4, 6])
        return allowed | (self.draw.getrandbits(1) << 63 if self.mode != "two-level" else 0)

    def link(self, table, level, plain):
        if self.mode == "pae" and level == 0:
            return table | 1 | self.draw.getrandbits(12) & bits(11, 9)
        return table | 3 | (0 if plain else self.ignored() | self.rights(often=6))

    def leaf(self, physical, level, plain):
        large = level + 1 < len(self.levels)
        entry = physical | 3 | (0x80 if large else 0)
        if self.mode == "two-level" and large:  # PSE-36
            entry = physical & 0xffffffff | physical >> 32 << 13 | 3 | 0x80
        if plain:
            return entry
        # Dirty, global and the page attribute, which a large page has elsewhere.
        more = self.draw.getrandbits(2) << 6 & 0x40 | self.draw.getrandbits(1) << 8 | self.draw.getrandbits(1) << (12 if large else 7)
        return entry & ~2 | self.ignored() | self.rights() | more

    def is_leaf(self, entry, level):
        return level + 1 == len(self.levels) or (bool(entry & 0x80) and self.levels[level] < 39)

    def canonical(self, virtual):
        virtual &= bits(self.top - 1, 0)
        return virtual | (MASK & ~bits(self.top - 1, 0) if self.top > 32 and virtual >> self.top - 1 else 0)


class Aarch64(Tables):
    def __init__(self, granule_shift, address_bits, large, upper, base, draw):
        stride = granule_shift - 3
        count = -(-(address_bits - granule_shift) // stride)
        levels = tuple(granule_shift + stride * number for number in reversed(range(count)))
        # ARM DDI 0487, D8.3: which levels may hold blocks.
        blocks = {12: (21, 30, 39) if large else (21, 30), 14: (25, 36) if large else (25,), 16: (29, 42) if large else (29,)}
        self.sizes = [1 << granule_shift] + [1 << shift for shift in blocks[granule_shift] if shift in levels]
        self.granule_shift, self.large, self.upper = granule_shift, large, upper
        self.wide_form = large and granule_shift != 16  # LPA2: bits 9 and 8 are address bits
        self.physical_bits = 52 if large else 48
        super().__init__(base, 1 << granule_shift, 8, levels, address_bits, draw)

    def address(self, physical):
        low = physical & bits(47, 0)
        if self.wide_form:
            return physical & bits(49, 0) | physical >> 50 << 8
        return low | physical >> 48 << 12

    def link(self, table, level, plain):
        if plain:
            return table | 3
        ignored = bits(11, 2) & ~(bits(9, 8) if self.wide_form else 0) | bits(58, 52)
        limits = bits(62, 59)  # what the table forbids: writes, users, execution
        return table | 3 | self.draw.getrandbits(64) & (ignored | limits)

    def leaf(self, physical, level, plain):
        entry = self.address(physical) | 1 << 10 | (3 if level + 1 == len(self.levels) else 1)  # accessed
        if plain:
            return entry
        # Attribute, users, read-only, shareability, not global; guarded, modified, contiguous, execution, software's bits.
        free = bits(4, 2) | bits(7, 6) | (0 if self.wide_form else bits(9, 8)) | 1 << 11 | bits(58, 50)
        return entry | self.draw.getrandbits(64) & free

    def is_leaf(self, entry, level):
        return level + 1 == len(self.levels) or not entry & 2

    def canonical(self, virtual):
        virtual &= bits(self.top - 1, 0)
        return virtual | (MASK & ~bits(self.top - 1, 0) if self.upper else 0)


def words(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def drawing(name):
    return random.Random(f"page tables of {name}")
