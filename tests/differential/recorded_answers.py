"""Reads what record_peers.py wrote down."""

import re
from pathlib import Path


def crash_answers(path):
    """Of a file of crash's answers: command -> what crash said."""
    parts = re.split(r"^=== (.*)\n", Path(path).read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def of_tasks(said):
    """Of the answer to `foreach`: (pid, address of the task, lines about it)."""
    parts = re.split(r"^PID: (\d+) +TASK: ([0-9a-f]+) [^\"]*\"(?:.|\n)*?\"\n", said, flags=re.M)
    return [(int(parts[i]), int(parts[i + 1], 16), parts[i + 2].splitlines()) for i in range(1, len(parts), 3)]
