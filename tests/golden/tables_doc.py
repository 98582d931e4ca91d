#!/usr/bin/env python3
"""docs/tables.md is what the program says of its tables.

usage: tables_doc.py check|write PROGRAM [ARGUMENT...]
"""
import json
import os
import subprocess
import sys

DOC = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "tables.md")


def document(program):
    rows = json.loads(subprocess.run([*program, "tables", "--json"], capture_output=True, check=True).stdout)["rows"]
    lines = [
        "# Tables",
        "",
        "Made from the program by `tests/golden/tables_doc.py write PROGRAM`; `./test` checks that it is current.",
        "",
        "`panicroom table NAME DUMP` prints any of them, `--json` and `--csv` in those forms. Addresses are strings",
        '`"0x..."` in JSON; what is unknown is `null`, and a note says why. Bytes of a dump that are not UTF-8 appear as',
        "`\\xNN`. Columns with a star are printed as text only when `--columns` names them (`--columns all`: every one).",
    ]
    for row in rows:
        if row["column"] is None:
            lines += ["", f"## {row['table']}", "", row["doc"], "", "| column | type | meaning |", "|---|---|---|"]
        else:
            star = "" if row["unasked"] else " *"
            lines.append(f"| `{row['column']}`{star} | {row['type']} | {row['doc']} |")
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("check", "write"):
        sys.exit(__doc__)
    text = document(sys.argv[2:])
    if sys.argv[1] == "write":
        with open(DOC, "w", encoding="utf-8") as doc:
            doc.write(text)
        return
    with open(DOC, encoding="utf-8") as doc:
        if doc.read() != text:
            sys.exit("docs/tables.md is not what the program says: run tests/golden/tables_doc.py write PROGRAM")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
