#!/usr/bin/env python3
"""Records what crash and drgn say of a Linux dump, for tests/differential/peers.py and crash_values.py, which compare without them.

  tests/differential/record_peers.py FOLDER DUMP    a dump of the cached kernel (samples/linux/make); the record goes to FOLDER

tests/differential/recorded is the record of kaslr.d1-zstd.kdump as samples/linux/make-sample made samples/linux/sample.vmcore of
it: the peers read pages that the sample leaves out, and refuse to open it. So the two are made anew together, the record first.

tests/bench/peers sets up crash, drgn and the kernel with debug information; PANICROOM names the program that says where the
structures lie (default: build/native/native/cli/panicroom).
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import crash_values

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = [
    "sys", "ps", "ps -t", "foreach gleader files", "foreach gleader vm", "mod", "mount", "swap", "kmem -i", "kmem -s", "kmem -z", "log", "irq",
    "irq -s", "foreach gleader net -s", "runq", "foreach bt",
]


def crash(peers, dump, commands):
    """What crash says to each of `commands`."""
    script = "".join(f"!echo ==={index}\n{command}\n" for index, command in enumerate(commands))
    said = subprocess.run([peers["crash"], "-s", peers["vmlinux"], dump], input="set scroll off\n" + script + "quit\n",
                          capture_output=True, text=True, errors="backslashreplace", check=True).stdout
    for path in (peers["vmlinux"], dump):
        said = said.replace(path, Path(path).name)
    parts = re.split(r"^===(\d+)\n", said, flags=re.M)
    answers = {int(parts[i]): parts[i + 1] for i in range(1, len(parts) - 1, 2)}
    return [answers[index] for index in range(len(commands))]


def written(path, version, parts):
    """One file: what it is, then every command and its answer."""
    text = f"# {version}, recorded by tests/differential/record_peers.py, which says how to make it anew.\n"
    for command, answer in parts:
        # No column is lost with the blanks at lines' ends; of 440 lines of `irq` most have no interrupt.
        lines = [line.rstrip() for line in answer.splitlines() if not line.endswith("(unused)      ")]
        text += "\n".join([f"=== {command}", *lines]).rstrip() + "\n"
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(text)} bytes")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, dump = Path(sys.argv[1]), str(Path(sys.argv[2]).resolve())
    folder.mkdir(parents=True, exist_ok=True)
    peers = json.loads(subprocess.run([REPOSITORY / "tests/bench/peers"], check=True, stdout=subprocess.PIPE).stdout)
    crash_values.PROGRAM[:] = [os.environ.get("PANICROOM") or str(REPOSITORY / "build/native/native/cli/panicroom")]
    crash_values.DUMP = dump

    version = subprocess.run([peers["crash"], "-v"], capture_output=True, text=True, check=True).stdout.split("\n")[1]
    namespaces = {}
    for row in crash_values.ours("table", "processes"):
        namespaces.setdefault(row["mount_namespace"], row["pid"])
    namespaces.pop(None, None)
    commands = COMMANDS + [f"mount -n {pid}" for _, pid in sorted(namespaces.items())]
    places = [(structure, way, crash_values.address_of(structure, way)) for structure, way in crash_values.OBJECTS]
    places = [place for place in places if place[2]]  # a symbol or two are not in every kernel
    structures = [f"struct {structure} {address:#x}" for structure, way, address in places]
    answers = crash(peers, dump, commands + structures)
    written(folder / "crash.txt", version, zip(commands, answers))
    ways = [f"{command} {json.dumps(way)}" for command, (_, way, _) in zip(structures, places)]
    written(folder / "crash-structures.txt", version, zip(ways, answers[len(commands):]))

    said = subprocess.run([peers["drgn_python"], REPOSITORY / "tests/differential/drgn_answers.py", peers["vmlinux"], dump],
                          capture_output=True, text=True, check=True).stdout
    (folder / "drgn.json").write_text(said, encoding="utf-8")
    print(f"{folder / 'drgn.json'}: {len(said)} bytes")


if __name__ == "__main__":
    os.nice(5)
    main()
