"""What `panicroom ps` does, by drgn: every process's pid, parent, uid, state, name and address.

usage: drgn-python drgn_ps.py VMLINUX DUMP
"""

import sys

from drgn import Program
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_state_to_char

program = Program()
program.set_core_dump(sys.argv[2])
program.load_debug_info([sys.argv[1]])
for task in for_each_task(program):
    if task.pid != task.tgid:
        continue
    name = task.comm.string_().decode(errors="backslashreplace")
    print(task.pid.value_(), task.real_parent.tgid.value_(), task.cred.uid.val.value_(), task_state_to_char(task), name, hex(task))
