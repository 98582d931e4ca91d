"""What drgn's helpers say of a Linux dump, as JSON: one key for each table of panicroom's, one line for each row. Needs Linux 6.1:
later ones keep modules' places and processes' counters elsewhere.

usage: drgn-python drgn_answers.py VMLINUX DUMP [TABLE...]    record_peers.py and tests/bench/tables run it.
"""

import json
import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_present_cpu
from drgn.helpers.linux.fs import d_path, for_each_file, for_each_mount, mount_dst, mount_fstype, mount_src
from drgn.helpers.linux.mm import cmdline, environ, for_each_vma, totalram_pages
from drgn.helpers.linux.module import for_each_module
from drgn.helpers.linux.net import SOCKET_I, sk_fullsock
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.printk import get_printk_records
from drgn.helpers.linux.sched import cpu_curr, idle_task, loadavg, task_state_to_char
from drgn.helpers.linux.slab import for_each_slab_cache, slab_cache_for_each_allocated_object
from drgn.helpers.linux.tcp import sk_tcpstate

S_IFMT, S_IFSOCK, IPPROTO_TCP, SOCK_STREAM, AF_INET, AF_INET6 = 0o170000, 0o140000, 6, 1, 2, 10


def text(raw):
    return raw.decode(errors="backslashreplace")


def at(pointer):
    return f"{pointer.value_():#x}"


class Answers:
    def __init__(self, vmlinux, dump):
        self.program = drgn.Program()
        self.program.set_core_dump(dump)
        self.program.load_debug_info([vmlinux])
        idle = [idle_task(self.program, cpu) for cpu in for_each_present_cpu(self.program)]
        self.all_tasks = idle + list(for_each_task(self.program))
        self.leaders = [task for task in self.all_tasks if task.pid == task.tgid]
        # A leader that has exited has neither memory nor files; its threads still do.
        holders = {task.tgid.value_(): task for task in reversed(self.all_tasks) if task.files and task.tgid}
        self.holders = list(holders.values())
        self.groups = {}
        for task in self.all_tasks:
            self.groups.setdefault(task.tgid.value_(), []).append(task)

    def processes(self):
        for task in self.leaders:
            row = {"pid": task.pid.value_(), "ppid": task.real_parent.tgid.value_(), "uid": task.cred.euid.val.value_(),
                   "ruid": task.cred.uid.val.value_(), "name": text(task.comm.string_()), "state": task_state_to_char(task),
                   "threads": task.signal.nr_threads.value_(), "address": at(task)}
            if task.mm:
                # Of files, anonymous and shared memory. The kernel shows a count below 0 as 0; parts are counted by the threads.
                counts = [task.mm.rss_stat.count[kind].counter.value_() for kind in (0, 1, 3)]
                row["resident"] = sum(max(0, count) for count in counts) * self.program["PAGE_SIZE"].value_()
                held = sum(each.rss_stat.count[kind].value_() for each in self.groups[task.tgid.value_()] for kind in (0, 1, 3))
                row["resident_of_threads"] = held * self.program["PAGE_SIZE"].value_()
                row["size"] = task.mm.total_vm.value_() * self.program["PAGE_SIZE"].value_()
                row["executable"] = text(d_path(task.mm.exe_file.f_path.address_of_())) if task.mm.exe_file else None
                row["arguments"] = self.strings(cmdline, task)
                row["environment"] = self.strings(environ, task)
            yield row

    @staticmethod
    def strings(helper, task):
        try:
            return [text(each) for each in helper(task) or []]
        except drgn.FaultError:
            return None  # its pages were swapped out

    def threads(self):
        for task in self.all_tasks:
            yield {"pid": task.tgid.value_(), "tid": task.pid.value_(), "name": text(task.comm.string_()),
                   "state": task_state_to_char(task), "last_cpu": task.thread_info.cpu.value_(), "address": at(task),
                   "run_time": task.se.sum_exec_runtime.value_()}

    def frames(self):
        """Without those that drgn finds in inlined functions and in user mode."""
        for task in self.all_tasks:
            frames = []
            for frame in self.program.stack_trace(task):
                try:
                    if not frame.is_inline and frame.pc >> 63:
                        frames.append([f"{frame.pc:#x}", f"{frame.sp:#x}", frame.symbol().name])
                except LookupError:
                    break  # drgn knows no program counter, or no function there: it lost its way
            yield {"tid": task.pid.value_(), "address": at(task), "frames": frames}

    def files(self):
        for task in self.holders:
            for fd, file in for_each_file(task):
                inode = file.f_inode
                yield {"pid": task.tgid.value_(), "fd": fd, "path": text(d_path(file.f_path.address_of_())), "address": at(file),
                       "inode": inode.i_ino.value_(), "mode": inode.i_mode.value_(), "position": file.f_pos.value_(),
                       "size": inode.i_size.value_()}

    def sockets(self):
        for task in self.holders:
            for fd, file in for_each_file(task):
                if file.f_inode.i_mode.value_() & S_IFMT != S_IFSOCK:
                    continue
                socket = SOCKET_I(file.f_inode)
                row = {"pid": task.tgid.value_(), "fd": fd, "address": at(socket.sk), "inode": file.f_inode.i_ino.value_(),
                       "family": socket.sk.member_("__sk_common").skc_family.value_(), "type": socket.sk.sk_type.value_(),
                       "protocol": socket.sk.sk_protocol.value_()}
                if row["protocol"] == IPPROTO_TCP and row["type"] == SOCK_STREAM and row["family"] in (AF_INET, AF_INET6):
                    row["state"] = sk_tcpstate(socket.sk).format_(type_name=False)
                    row["full"] = sk_fullsock(socket.sk)
                yield row

    def maps(self):
        for task in self.holders:
            if not task.mm:
                continue
            for area in for_each_vma(task.mm):
                yield {"pid": task.tgid.value_(), "start": f"{area.vm_start.value_():#x}", "end": f"{area.vm_end.value_():#x}",
                       "flags": area.vm_flags.value_(), "address": at(area),
                       "path": text(d_path(area.vm_file.f_path.address_of_())) if area.vm_file else None}

    def modules(self):
        for module in for_each_module(self.program):
            yield {"name": text(module.name.string_()), "address": at(module), "base": at(module.core_layout.base),
                   "size": module.core_layout.size.value_() + module.init_layout.size.value_(),
                   "references": module.refcnt.counter.value_() - 1}

    def mounts(self):
        seen = set()
        for task in self.leaders:
            if not task.nsproxy:
                continue
            namespace = task.nsproxy.mnt_ns
            if namespace.value_() in seen:
                continue
            seen.add(namespace.value_())
            for mount in for_each_mount(namespace):
                yield {"namespace": namespace.ns.inum.value_(), "source": text(mount_src(mount)), "path": text(mount_dst(mount)),
                       "type": text(mount_fstype(mount)), "id": mount.mnt_id.value_(), "address": at(mount)}

    def cpus(self):
        for cpu in for_each_present_cpu(self.program):
            task = cpu_curr(self.program, cpu)
            queue = per_cpu(self.program["runqueues"], cpu)
            yield {"cpu": cpu, "tid": task.pid.value_(), "current": at(task), "idle": task == idle_task(self.program, cpu),
                   "runnable": queue.nr_running.value_(),
                   "base": f"{self.program['__per_cpu_offset'][cpu].value_():#x}"}

    def load(self):
        yield dict(zip(("load1", "load5", "load15"), loadavg(self.program)))

    def memory(self):
        yield {"MemTotal": totalram_pages(self.program) * self.program["PAGE_SIZE"].value_()}

    def slabs(self):
        for cache in for_each_slab_cache(self.program):
            allocated = sum(1 for _ in slab_cache_for_each_allocated_object(cache, "void"))
            yield {"name": text(cache.name.string_()), "address": at(cache), "size": cache.size.value_(), "allocated": allocated}

    def log(self):
        for record in get_printk_records(self.program):
            yield {"time": record.timestamp, "level": record.level, "text": text(record.text)}


TABLES = [name for name in vars(Answers) if not name.startswith("_") and name != "strings"]


def main():
    answers = Answers(*sys.argv[1:3])
    said = {"by": f"drgn {drgn.__version__}, recorded by tests/differential/record_peers.py, which says how to make it anew"}
    for name in sys.argv[3:] or TABLES:
        said[name] = list(getattr(answers, name)())
    parts = []
    for name, rows in said.items():
        if isinstance(rows, list):
            rows = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        else:
            rows = json.dumps(rows)
        parts.append(f"{json.dumps(name)}: {rows}")
    print("{" + ",\n".join(parts) + "}")


if __name__ == "__main__":
    main()
