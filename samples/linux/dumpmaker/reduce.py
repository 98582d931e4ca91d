"""A kdump file with only some of its pages: the others become excluded ones.

Layout: disk_dump_header, kdump_sub_header and page_desc of makedumpfile's diskdump_mod.h, 64-bit, one unflattened and
unsplit file. Stored pages are copied as makedumpfile compressed them.
"""

import struct

from . import Failed

_DESCRIPTOR = struct.Struct("<qIIQ")


def reduce(whole: bytes, keep: set[int]) -> bytes:
    """`keep`: page frame numbers. Those that the dump does not hold are left out."""
    if whole[:8] != b"KDUMP   ":
        raise Failed("a sample can only be made from an unflattened kdump file")
    block_size, header_blocks, bitmap_blocks = struct.unpack_from("<iiI", whole, 428)
    bitmaps = (1 + header_blocks) * block_size
    dumped = bitmaps + bitmap_blocks // 2 * block_size
    descriptors = bitmaps + bitmap_blocks * block_size
    kept = bytearray(descriptors - dumped)
    chosen: list[tuple[int, int, int, int]] = []
    index = 0
    for byte, bits in enumerate(whole[dumped:descriptors]):
        for bit in range(8):
            if bits >> bit & 1:
                if byte * 8 + bit in keep:
                    kept[byte] |= 1 << bit
                    chosen.append(_DESCRIPTOR.unpack_from(whole, descriptors + index * _DESCRIPTOR.size))
                index += 1
    pages = bytearray()
    place: dict[int, int] = {}  # pages of zeros share one place in the file
    table = bytearray()
    first_page = descriptors + len(chosen) * _DESCRIPTOR.size
    for offset, size, flags, page_flags in chosen:
        if offset not in place:
            place[offset] = first_page + len(pages)
            pages += whole[offset:offset + size]
        table += _DESCRIPTOR.pack(place[offset], size, flags, page_flags)
    return whole[:dumped] + bytes(kept) + bytes(table) + bytes(pages)
