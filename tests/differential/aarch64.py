#!/usr/bin/env python3
"""A64 instructions that can fault against GNU objdump and llvm-objdump: their text, and what they do to which memory.

usage: aarch64.py INSTRUCTION_ROWS    INSTRUCTION_ROWS is build/native/tests/instruction_rows

Words are made of the encodings' groups with the other bits at random. Where a disassembler names an instruction of ours,
our text is the same; where it names another or none, ours is ".inst". What the operand must be is derived from the
disassembler's text.
"""

import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import unittest

GNU = "aarch64-linux-gnu-objdump"
LLVM, ASSEMBLER = "llvm-objdump-19", "llvm-mc-19"
PROGRAM = ""
SEED, OF_EACH = 20, 3000

# Of "Loads and Stores" and the others that are decoded: what is fixed.
GROUPS = {  # name: (mask, value)
    "exclusive and ordered": (0x3F000000, 0x08000000),
    "exclusive, second register none": (0x3F007C00, 0x08007C00),
    "compare and swap pairs": (0xBFA17C01, 0x08207C00),
    "literals": (0x3B000000, 0x18000000),
    "pairs": (0x3A000000, 0x28000000),
    "registers, all": (0x3A000000, 0x38000000),
    "unsigned offsets": (0x3B000000, 0x39000000),
    "short offsets": (0x3B200000, 0x38000000),
    "register offsets": (0x3B200C00, 0x38200800),
    "atomics": (0x3F200C00, 0x38200000),
    "atomics without a result": (0x3F200C1F, 0x3820001F),
    "atomics of nothing": (0x3F3F0C00, 0x383F0000),
    "authenticated": (0xFF200400, 0xF8200400),
    "ordered with offsets": (0x3F200C00, 0x19000000),
    "copies": (0xFB200C00, 0x19000400),
    "fills": (0xFBE00C00, 0x19C00400),
    "tags": (0xFF200000, 0xD9200000),
    "tags of many": (0xFF3FF000, 0xD9200000),
    "structures": (0xBF3F0000, 0x0C000000),
    "structures, then added": (0xBFA00000, 0x0C800000),
    "single structures": (0xBF1F0000, 0x0D000000),
    "single structures, then added": (0xBF800000, 0x0D800000),
    "single structures, then added their size": (0xBF9F0000, 0x0D9F0000),
    "exceptions": (0xFF000000, 0xD4000000),
    "exceptions that there are": (0xFF80001C, 0xD4000000),
    "undefined": (0xFFFF0000, 0x00000000),
    "branches to registers": (0xFE1FF000, 0xD61F0000),
    "branches to registers, plain": (0xFE1FFC1F, 0xD61F0000),
    "branches to registers, authenticated": (0xFE1FF81F, 0xD61F081F),
    "returns": (0xFF1FF3FF, 0xD61F03FF),
    "exception returns": (0xFFFFF3E0, 0xD69F03E0),
    "cache maintenance": (0xFFF8F000, 0xD5087000),
    "anything": (0, 0),
    "loads and stores": (0x0A000000, 0x08000000),
}

SUFFIX = {"b": 1, "h": 2, "sb": 1, "sh": 2, "sw": 4}
UNSIGNED = r"(?P<suffix>b|h)?"
# Mnemonic -> what is done: r, w or rw; how many times what the first register (or the suffix) is wide.
LOADS = [
    (r"ldu?r" + r"(?P<suffix>b|h|sb|sh|sw)?", "r", 1), (r"ldtr(?P<suffix>b|h|sb|sh|sw)?", "r", 1),
    (r"(stu?r|sttr)" + UNSIGNED, "w", 1),
    (r"ldn?p", "r", 2), (r"stn?p", "w", 2), (r"ldp(?P<suffix>sw)", "r", 2),
    (r"lda?xr" + UNSIGNED, "r", 1), (r"lda?xp", "r", 2),
    (r"stl?xr" + UNSIGNED, "second w", 1), (r"stl?xp", "second w", 2),
    (r"ldl?ar" + UNSIGNED, "r", 1), (r"stll?r" + UNSIGNED, "w", 1), (r"ldapr" + UNSIGNED, "r", 1),
    (r"ldapur(?P<suffix>b|h|sb|sh|sw)?", "r", 1), (r"stlur" + UNSIGNED, "w", 1), (r"ldra[ab]", "r", 1),
    (r"(ld|st)(add|clr|eor|set|[su]max|[su]min)a?l?" + UNSIGNED, "rw", 1), (r"swpa?l?" + UNSIGNED, "rw", 1),
    (r"casa?l?" + UNSIGNED, "rw", 1), (r"caspa?l?", "rw", 2),
]
FIXED = {"prfm": ("-", 0), "prfum": ("-", 0), "stg": ("w", 16), "stzg": ("w", 16), "st2g": ("w", 32), "stz2g": ("w", 32),
         "ldg": ("r", 16), "stgp": ("w", 16), "stgm": ("w", 0), "stzgm": ("w", 0), "ldgm": ("r", 0)}
NO_MEMORY = re.compile(r"brk|hlt|udf|svc|hvc|smc|br|blr|ret|bra[ab]z?|blra[ab]z?|reta[ab]|eret|ereta[ab]")
CACHE = re.compile(r"(dc|ic) +(\w+), (x\w+)")
BY_ADDRESS = {"ivac", "igvac", "igdvac", "zva", "gva", "gzva", "ivau", "cvac", "cgvac", "cgdvac", "cvau", "cvap", "cgvap",
              "cgdvap", "cvadp", "cgvadp", "cgdvadp", "civac", "cigvac", "cigdvac"}
WIDTH = {"b": 1, "h": 2, "w": 4, "s": 4, "x": 8, "d": 8, "q": 16}


def value(register):
    if register in ("xzr", "wzr"):
        return 0
    number = 31 if register == "sp" else int(register[1:])
    whole = (number + 1) << 32 | number << 4
    return whole & 0xFFFFFFFF if register[0] == "w" else whole


def address_of(memory, added, at):
    if memory is None:
        return at
    base, *rest = [part.strip() for part in memory.split(",")]
    place = value(base)
    if rest and rest[0].startswith("#"):
        place += int(rest[0][1:], 0)
    elif rest:
        extension, shift = "lsl", 0
        if len(rest) > 1:
            extension, *amount = rest[1].split()
            shift = int(amount[0][1:], 0) if amount else 0
        index = value(rest[0])
        if extension == "sxtw" and index >> 31:
            index -= 1 << 32
        place += index << shift
    return place & (1 << 64) - 1


def structure_size(mnemonic, operands):
    """Of what a structure's load or store moves: elements of one lane or all, or whole registers."""
    registers = re.search(r"\{(.*)\}(\[\d+\])?", operands)
    names = registers[1].split(", ")
    unit = re.match(r"v\d+\.(\d*)([bhsd])", names[0])
    if registers[2] or mnemonic.endswith("r"):
        return len(names) * WIDTH[unit[2]]
    return len(names) * int(unit[1]) * WIDTH[unit[2]]


def operand_of(text):
    """What the text says of memory: "ADDRESS SIZE ACCESS", none, or False where the instruction is none of ours."""
    mnemonic, _, operands = text.partition(" ")
    if NO_MEMORY.fullmatch(mnemonic):
        return None
    if match := CACHE.match(text):
        if match[2] not in BY_ADDRESS:
            return None if re.fullmatch(r"(c|i|ci)(g|gd)?sw", match[2]) else False
        return f"{value(match[3]):x} 0 {'w' if match[2] in ('zva', 'gva', 'gzva') else '-'}"
    if match := re.fullmatch(r"(cpyf?|setg?)([pme])\w*", mnemonic):
        places = [f"{value(register):x}" if match[2] == "p" else "?" for register in re.findall(r"\[(x\d+)\]!", operands)]
        return "\t".join(f"{place} 0 {access}" for place, access in zip(places, "wr"))
    if re.search(r"\b[zp]\d|\bza", operands):
        return False  # SVE, SME
    memory = re.search(r"\[((?:x|sp)[^\]]*)\](!?)(.*)", operands)
    place = None if memory is None else memory[1]
    if memory is None:
        absolute = re.fullmatch(r".*, 0x([0-9a-f]+)", operands)
        if absolute is None:
            return False
        at = int(absolute[1], 16)
    else:
        at = 0
    address = address_of(place, None, at)
    if re.fullmatch(r"(ld|st)[1-4]r?", mnemonic) and "{v" in operands:
        return f"{address:x} {structure_size(mnemonic, operands)} {'r' if mnemonic[0] == 'l' else 'w'}"
    if mnemonic in FIXED:
        access, size = FIXED[mnemonic]
        return f"{address:x} {size} {access}"
    for pattern, access, times in LOADS:
        if match := re.fullmatch(pattern, mnemonic):
            registers = operands.split(", ")
            if access.startswith("second"):
                access, registers = "w", registers[1:]
            suffix = match.groupdict().get("suffix")
            size = SUFFIX[suffix] if suffix else WIDTH[registers[0][0]]
            return f"{address:x} {size * times} {access}"
    return False


def normal(text):
    """One way to write it of several: lists of registers one by one, numbers decimal, no remarks."""
    text = re.sub(r"\s*(//|;|<).*$", "", text.strip())
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\{ ?(.*?) ?\}", lambda match: "{" + match[1] + "}", text)
    if match := re.search(r"\{v(\d+)\.(\w+)-v(\d+)\.\w+\}", text):
        names = ", ".join(f"v{number}.{match[2]}" for number in range(int(match[1]), int(match[3]) + 1))
        text = text.replace(match[0], "{" + names + "}")
    text = re.sub(r"#(-?)0x([0-9a-f]+)", lambda match: f"#{match[1]}{int(match[2], 16)}", text)
    return text.replace(", #0]!", "]!")


def output(*command, stdin=""):
    return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout


def made_words():
    draw = random.Random(SEED)
    words = []
    for mask, fixed in GROUPS.values():
        words += [draw.getrandbits(32) & ~mask | fixed for _ in range(OF_EACH)]
    return words


def by_gnu(words, folder):
    path = f"{folder}/words"
    with open(path, "wb") as file:
        file.write(struct.pack(f"<{len(words)}I", *words))
    lines = output(GNU, "-D", "-z", "-b", "binary", "-m", "aarch64", path).splitlines()
    return [line.split("\t", 2)[2].replace("\t", " ") for line in lines if re.match(r" +[0-9a-f]+:\t", line)]


def by_llvm(words, folder):
    path = f"{folder}/words.o"
    source = "".join(f".inst {word:#x}\n" for word in words)
    output(ASSEMBLER, "-triple=aarch64", "-filetype=obj", "-o", path, stdin=source)
    lines = output(LLVM, "-d", "-z", "--mattr=+all", "--no-show-raw-insn", path).splitlines()
    return [line.split(":", 1)[1].strip().replace("\t", " ") for line in lines if re.match(r" +[0-9a-f]+:", line)]


def unread_by_gnu(word, theirs, ours):
    """LDAR with a field that should be ones but is not, LDPSW of a register that is named twice: LLVM knows them."""
    return theirs.startswith(".inst") and (
        (word & 0x3FE08000 == 0x08C08000 and ours.startswith("ldar")) or ours.startswith("ldpsw"))


def newer_in_llvm(word, theirs, ours):
    """Names of prefetches that had numbers, ordered loads and stores of vector registers; copies that the manual leaves
    undefined, for they name one register twice or the one that is zero."""
    if re.match(r"(cpyf?|setg?)[pme]", theirs):
        registers = re.findall(r"x(?:\d+|zr)", theirs)
        return ours.startswith(".inst") and ("xzr" in registers or len(set(registers)) < 3)
    if re.match(r"r?prfu?m", theirs):
        return bool(re.match(r"prfu?m #", ours)) and ("slc" in theirs or theirs.startswith("rprfm"))
    return bool(re.match(r"(ldap|stl)ur [bhsdq]", theirs)) and ours.startswith(".inst")


class Aarch64(unittest.TestCase):
    maxDiff = None

    def compare(self, texts, words, allowed):
        """`allowed`: whether the disassembler may say otherwise."""
        self.assertEqual(len(texts), len(words))
        lines = "".join(f"{4 * number:x} {word:08x}\n" for number, word in enumerate(words))
        rows = output(PROGRAM, stdin=lines).splitlines()
        self.assertEqual(len(rows), len(words))
        different, seen = [], {}
        for number, (word, text, row) in enumerate(zip(words, texts, rows)):
            ours, *operands = row.split("\t")
            theirs = normal(text)
            expected = operand_of(theirs)
            mine = normal(ours)
            if expected is False:
                same = ours == f".inst 0x{word:08x}" and not operands
            else:
                same = mine == theirs and operands == (expected.split("\t") if expected else [])
                seen[theirs.partition(" ")[0]] = seen.get(theirs.partition(" ")[0], 0) + 1
            if not same and not allowed(word, theirs, ours):
                different.append(f"{word:08x} at {4 * number:#x}: {text!r} expected {expected}, ours {row!r}")
        self.assertEqual(different, [], f"{len(different)} differ")
        return seen

    def test_gnu(self):
        words = made_words()
        with tempfile.TemporaryDirectory() as folder:
            seen = self.compare(by_gnu(words, folder), words, unread_by_gnu)
        self.assertGreater(len(seen), 290)

    def test_llvm(self):
        words = made_words()
        with tempfile.TemporaryDirectory() as folder:
            seen = self.compare(by_llvm(words, folder), words, newer_in_llvm)
        self.assertGreater(len(seen), 290)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop())
    unittest.main()
