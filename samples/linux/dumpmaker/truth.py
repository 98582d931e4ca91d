"""What the guest printed of itself (guest/known.c), as one JSON file beside the dumps."""

import json
import re

from . import Failed


def _name(latin1: str) -> tuple[str, str]:
    """The guest writes a byte as one \\u00XX escape. Gives the name as text, with \\xNN for what is not UTF-8, and its bytes in hex."""
    raw = latin1.encode("latin-1")
    return raw.decode("utf-8", errors="backslashreplace"), raw.hex()


def _text(latin1: str) -> str:
    return latin1.encode("latin-1").decode("utf-8", errors="backslashreplace")


def _task(record: dict) -> dict:
    task = {key: value for key, value in record.items() if key not in ("kind", "cmdline")}
    # /proc appends what a kworker works on to its name and gives kernel threads' longer names whole (fs/proc/array.c,
    # proc_task_name); task_struct.comm has the part before it, of at most 15 bytes.
    match = re.match(r"(kworker/[^-+]*)[-+]", task["comm"])
    in_task = match[1] if match else task["comm"][:15]
    if in_task != task["comm"]:
        task["comm_in_proc"] = task["comm"]
        task["comm"] = in_task
    task["comm"], task["comm_bytes"] = _name(task["comm"])
    if "cmdline" in record:
        task["arguments"] = [_text(part) for part in record["cmdline"].split("\0")[:-1]]
    return task


def _panic(serial: bytes) -> dict:
    """The panic's message and the stack that the kernel printed on its console, newest frame first."""
    lines = [re.sub(r"^\[ *[0-9.]+\] ?", "", line) for line in serial.decode(errors="replace").replace("\r", "").splitlines()]
    message = next((line for line in lines if line.startswith("Kernel panic - not syncing: ")), None)
    if message is None:
        raise Failed("the console shows no panic message")
    after = lines[lines.index(message):]
    cpu = next((m for line in after if (m := re.match(r"CPU: (\d+) PID: (\d+) Comm: (.*?) (?:Not tainted|Tainted)", line))), None)
    stack = []
    for line in after:
        if match := re.match(r" +(\? )?([A-Za-z_.][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+)(?: \[\w+\])?$", line):
            stack.append({"frame": match[2], "certain": match[1] is None})
        if "</TASK>" in line or line.startswith("Kernel Offset: "):
            break
    offset = next((m for line in after if (m := re.match(r"Kernel Offset: (0x[0-9a-f]+|disabled)", line))), None)
    panic = {"message": message, "stack": stack, "kernel_offset": offset[1] if offset else None,
             "ended": any("end Kernel panic" in line for line in after)}
    if cpu is not None:
        panic |= {"cpu": int(cpu[1]), "tid": int(cpu[2]), "comm": cpu[3]}
    return panic


def collect(raw: bytes, serial: bytes, how: dict) -> dict:
    """The truth of one boot. `how` says how the guest was started (memory, kernel command line, machine)."""
    processes: dict[int, dict] = {}
    truth: dict = {
        "about": "Printed by the guest just before it crashed; what a running kernel changes by itself (kworkers, states of "
                 "rcu and softirq threads, start of the crash itself) may differ in the dump. comm is the name as text, with "
                 "\\xNN for bytes that are not UTF-8; comm_bytes is exact. flags, policy and states are those of proc(5).",
        "how": how,
    }
    texts = {"cmdline", "iomem", "modules", "mounts", "vmcoreinfo"}
    for number, line in enumerate(raw.decode("latin-1").splitlines(), start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise Failed(f"line {number} of what the guest printed is not JSON ({error}): {line[:80]!r}") from None
        kind = record["kind"]
        body = {key: value for key, value in record.items() if key != "kind"}
        if kind in texts:
            truth[kind] = _text(body["text"])
        elif kind == "process":
            processes[record["pid"]] = _task(record) | {"tasks": []}
        elif kind == "thread":
            if record["pid"] in processes:
                processes[record["pid"]]["tasks"].append(_task(record))
        elif kind == "detail":
            if record["pid"] in processes:
                processes[record["pid"]] |= {
                    key: [_text(part) for part in value.split("\0")[:-1]] if key == "environ" else _text(value)
                    for key, value in body.items() if key != "pid"} | {"files": []}
        elif kind == "file":
            if record["pid"] in processes:
                processes[record["pid"]]["files"].append(
                    {key: _text(value) if isinstance(value, str) else value for key, value in body.items() if key != "pid"})
        elif kind in ("state", "sysctl"):
            truth.setdefault(kind, {})[body["name"]] = _text(body["text"])
        elif kind in ("symbol", "log"):
            if kind == "log":
                body["text"] = _text(body["text"])
            truth.setdefault("symbols" if kind == "symbol" else "log", []).append(body)
        elif kind not in ("end", "saved"):
            truth[kind] = body
    truth["processes"] = list(processes.values())
    truth["panic"] = _panic(serial)
    crash = truth["crash"]
    if how["death"] != "sysrq":  # such a guest tells no more than how it was to die
        return truth
    tasks = processes[crash["pid"]]["tasks"]
    crash["tid"] = next(task["tid"] for task in tasks if task["comm"] == crash["thread"])
    if truth["panic"].get("tid") != crash["tid"]:
        raise Failed(f"the console says that thread {truth['panic'].get('tid')} panicked, the guest says {crash['tid']}")
    return truth
