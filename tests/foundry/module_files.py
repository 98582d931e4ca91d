#!/usr/bin/env python3
"""Writes module_files.h: modules' files as compilers and linkers write them, and what the binutils say of them.

usage: module_files.py > module_files.h    (gcc, clang, lld and the binutils for each architecture)
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COMMON = ["-O2", "-g", "-w", "-ffreestanding", "-fno-stack-protector", "-fomit-frame-pointer"]
GNU = ["-fno-pic", "-fcf-protection=none"]
# A Linux kernel has no unwind tables: what its modules tell of their frames is in .debug_frame.
BARE = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]
FREEBSD = ["-fasynchronous-unwind-tables"]
FILES = {
    # name: compiler, binutils, options, linker
    "linux_x86_64": ("gcc", "", [*GNU, *BARE, "-gdwarf-5", "-mcmodel=kernel", "-mno-red-zone"], ["ld", "-r"]),
    "linux_i386": ("gcc", "", [*GNU, *BARE, "-gdwarf-4", "-m32"], ["ld", "-r", "-melf_i386"]),
    "linux_aarch64": ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-", ["-fno-pic", *BARE, "-gdwarf-5"], ["aarch64-linux-gnu-ld", "-r"]),
    "freebsd_x86_64": ("clang", "", ["--target=x86_64-unknown-freebsd13", *FREEBSD, "-gdwarf-4", "-mcmodel=kernel", "-mno-red-zone"],
                       ["ld.lld", "-r"]),
    "freebsd_aarch64": ("clang", "aarch64-linux-gnu-", ["--target=aarch64-unknown-freebsd13", *FREEBSD, "-gdwarf-4", "-fPIC"],
                        ["ld.lld", "-shared", "--build-id=sha1"]),
}


def output(*command, stdin=""):
    return subprocess.run(command, check=True, capture_output=True, text=True, input=stdin).stdout


def sections(tools, path):
    """Of code: name, address, size."""
    found = re.findall(r"\] (\S+) +PROGBITS +(\w+) \w+ (\w+) \w+ +\w*X", output(f"{tools}readelf", "-SW", path))
    return [(name, int(address, 16), int(size, 16)) for name, address, size in found if "text" in name]


def calls_at(path, tools, linked, section, address, size):
    """function|file:line of each byte, innermost first."""
    where = [] if linked else ["-j", section]
    answers = []
    for at in range(address, address + size):
        lines = output(f"{tools}addr2line", "-i", "-f", *where, "-e", path, f"{at:#x}").splitlines()
        pairs = [f"{name}|{re.sub(r' .discriminator .*', '', place)}" for name, place in zip(lines[::2], lines[1::2])]
        answers.append(";".join(pairs))
    return answers


def return_addresses(tools, path, section):
    text = output(f"{tools}objdump", "-d", "-j", section, path)
    lines = [(int(at, 16), code) for at, code in re.findall(r"^ +(\w+):\t[0-9a-f ]+\t(.*)$", text, re.M)]
    return [after for (_, code), (after, _) in zip(lines, lines[1:]) if code.split()[0] in ("call", "callq", "bl")]


def frames(tools, path):
    """(first address, bytes from the stack pointer to the frame's end, from there back to the return address)"""
    rows, columns = [], []
    for line in output(f"{tools}readelf", "--debug-dump=frames-interp", "-W", path).splitlines():
        words = line.split()
        if words[:2] == ["LOC", "CFA"]:
            columns = words
        elif columns and words and re.fullmatch(r"[0-9a-f]{8,16}", words[0]) and len(words) == len(columns):
            row = dict(zip(columns, words))
            stack, back = re.fullmatch(r"(?:rsp|esp|sp)\+(\d+)", row["CFA"]), re.fullmatch(r"c-(\d+)", row.get("ra", ""))
            rows.append((int(row["LOC"], 16), int(stack.group(1)) if stack else 0, int(back.group(1)) if back else 0))
    return rows


def write(name, folder):
    compiler, tools, options, linker = FILES[name]
    unlinked, path = f"{folder}/{name}.o", f"{folder}/{name}.ko"
    prefix = f"-ffile-prefix-map={HERE}=/src" if compiler == "clang" else f"-fdebug-prefix-map={HERE}=/src"
    subprocess.run([compiler, *COMMON, *options, prefix, "-c", f"{HERE}/probe.c", "-o", unlinked], check=True, cwd=HERE)
    subprocess.run([*linker, *(["--build-id=sha1"] if linker[-1] != "--build-id=sha1" else []), unlinked, "-o", path], check=True)
    subprocess.run([f"{tools}objcopy", "-R", ".comment", path], check=True)
    linked = "-shared" in linker
    with open(path, "rb") as file:
        data = file.read().hex()
    print(f"inline const std::vector<ModuleFile::Run> k_{name}_lines = {{")
    returns = []
    for section, address, size in sections(tools, path):
        begin, answers = 0, calls_at(path, tools, linked, section, address, size)
        for at in range(1, size + 1):
            if at == size or answers[at] != answers[begin]:
                print(f'    {{"{section}", {address + begin}, {address + at},\n     "{answers[begin]}"}},')
                begin = at
        returns += [(section, after) for after in return_addresses(tools, path, section)]
    print("};")
    print(f"inline const std::vector<ModuleFile::Frame> k_{name}_frames = {{")
    # Not linked, each section of code begins at 0: readelf's addresses would be of any of them.
    bases = {section: 0 if linked else 0x10000 * (1 + i) for i, (section, _, _) in enumerate(sections(tools, path))}
    placed = path if linked else f"{folder}/{name}"
    if not linked:
        with open(f"{folder}/script", "w", encoding="utf-8") as script:
            print("SECTIONS {", *[f"{section} {base:#x} : {{ *({section}) }}" for section, base in bases.items()], "}", file=script)
        subprocess.run(["ld" if linker[0] == "ld.lld" else linker[0], *[word for word in linker[1:] if word != "-r"],
                        "--unresolved-symbols=ignore-all", "-e", "0", path, "-o", placed, "-T", f"{folder}/script"], check=True)
    told = frames(tools, placed)
    for section, after in returns:
        _, size, back = max(row for row in told if row[0] < bases[section] + after)
        print(f'    {{"{section}", {after}, {size}, {back}}},')
    print("};")
    note = re.search(r"\] \.note\.gnu\.build-id +NOTE +(\w+) (\w+) (\w+)", output(f"{tools}readelf", "-SW", path))
    note = ", ".join(f"{int(word, 16)}" for word in note.groups())
    print(f"inline const ModuleFile k_{name} = {{k_{name}_lines, k_{name}_frames, {{{note}}},")
    for at in range(0, len(data), 92):
        print(f'    "{data[at:at + 92]}"' + ("};" if at + 92 >= len(data) else ""))


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    print("#pragma once\n\n// Written by module_files.py from probe.c.\n\n#include <cstdint>\n#include <string>\n#include <string_view>\n"
          "#include <vector>\n\nnamespace foundry {\n\n"
          "/// A module's file and what addr2line, objdump and readelf say of it.\nstruct ModuleFile {\n"
          "  /// Calls at addresses of a section (relocatable: from its start), as addr2line -i -f tells them,\n"
          "  /// innermost first: \"function|file:line;...\".\n"
          "  struct Run {\n    std::string section;\n    std::uint64_t begin = 0, end = 0;\n    std::string calls;\n  };\n"
          "  /// A return address, the bytes from the stack pointer there to the frame's end, and from that back to\n"
          "  /// where the function's own return address is saved.\n"
          "  struct Frame {\n    std::string section;\n    std::uint64_t pc = 0, size = 0, back = 0;\n  };\n"
          "  /// Section .note.gnu.build-id.\n"
          "  struct Note {\n    std::uint64_t address = 0, offset = 0, size = 0;\n  };\n"
          "  std::vector<Run> lines;\n  std::vector<Frame> frames;\n  Note note;\n  std::string_view hexadecimal;\n};\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            write(name, folder)
            print()
    print("}  // namespace foundry")


if __name__ == "__main__":
    main()
