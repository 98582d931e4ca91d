#!/usr/bin/env python3
"""libkvm as a C programmer meets it: installed, found by pkg-config and CMake, in strict C99, shared and static.

usage: programs.py BUILD FIXTURES    BUILD is the native build's folder; FIXTURES is what `foundry make` wrote.
"""
import bz2
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD, FIXTURES, PREFIX = Path(), Path(), Path()
CASES = os.environ.get("PANICROOM_CASES")
FACES = ["common", "freebsd", "netbsd", "openbsd", "dragonfly", "illumos", "fbsdvmcore"]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
COMPILERS = ["gcc", "clang-19"]
# One dump of each system, with its kernel file where it needs one.
DUMPS = [("freebsd-12-tables", "freebsd-12-v3"), ("netbsd-7-99-4-tables", "netbsd-7-99-4-full"),
         ("openbsd-7-6", "openbsd-7-6-kcore"), ("dragonfly-5-9", "dragonfly-5-9-v2"),
         ("illumos-tables", "illumos-all"), ("linux-x86_64", "linux-kdump-v6")]
NOT_SHOWN = re.compile(rb"[^ -~]")


def run(*command, status=0, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, timeout=120, **options)
    if done.returncode != status:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done


def environment():
    libraries = next(PREFIX.glob("lib/**/libkvm.so")).parent
    return {**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}


def flags(face, *more):
    name = "libkvm" if face == "common" else f"libkvm-{face}"
    return run("pkg-config", "--cflags", "--libs", *more, name, env=environment()).stdout.decode().split()


def functions(face):
    """What a face's header declares, and the one that the BSDs share."""
    headers = PREFIX / "include" / "panicroom"
    text = (headers / face / ("fvc.h" if face == "fbsdvmcore" else "kvm.h")).read_text()
    if "bsd_kvm.h" in text:
        text += (headers / "bsd_kvm.h").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = re.findall(r"\b(?:kvm|fvc)_\w+(?=\([^)]*\)[^;{]*;)", re.sub(r"^#.*$", "", text, flags=re.M))
    return sorted({name for name in names if not name.endswith("_t")})


def files_of(description, dump):
    answers = json.loads((FIXTURES / f"{description}.answers.json").read_text())
    dump_files = next(one["files"] for one in answers["dumps"] if one["files"][0].startswith(f"{description}.{dump}"))
    with_types = [name for name in answers["kernels"] if name.endswith("ctf3z")] or answers["kernels"][:1]
    return answers, FIXTURES / dump_files[0], [FIXTURES / name for name in with_types]


def descriptors(description):
    """(pid, number, rights) of each `open` line of a description and of those that it is `like`."""
    found, pid = [], None
    for line in (ROOT / f"tests/foundry/descriptions/{description}.txt").read_text().splitlines():
        words = line.split()
        if words[:1] == ["like"]:
            found += descriptors(words[1])
        elif words[:1] == ["process"]:
            pid = int(words[1])
        elif words[:1] == ["open"]:
            found.append((pid, int(words[1]), words[3]))
    return found


class Headers(unittest.TestCase):
    def test_each_function_links_without_a_warning(self):
        for face in FACES:
            names = functions(face)
            self.assertGreater(len(names), 5, face)
            header = "fvc.h" if face == "fbsdvmcore" else "kvm.h"
            lines = [f"#include <{header}>", "typedef void (*any)(void);", "int main(void) {", "  any all[] = {"]
            lines += [f"    (any){name}," for name in names]
            lines += ["  };", "  return all[0] == 0;", "}"]
            for compiler in COMPILERS:
                for static in (False, True):
                    with self.subTest(face=face, compiler=compiler, static=static), tempfile.TemporaryDirectory() as folder:
                        source = Path(folder) / "all.c"
                        source.write_text("\n".join(lines) + "\n")
                        linked = flags(face, *(["--static"] if static else []))
                        if static:
                            linked = ["-l:libkvm.a" if word == "-lkvm" else word for word in linked]
                        run(compiler, *STRICT, source, "-o", Path(folder) / "all", *linked)
                        run(Path(folder) / "all", env=environment())

    def test_the_structures_headers_stand_alone(self):
        for header in sorted((PREFIX / "include" / "panicroom").glob("*/**/*.h")):
            face = header.relative_to(PREFIX / "include" / "panicroom").parts[0]
            for compiler in COMPILERS:
                with self.subTest(header=header.name, face=face, compiler=compiler):
                    run(compiler, *STRICT, "-fsyntax-only", "-x", "c", "-", f"-I{PREFIX}/include/panicroom/{face}",
                        input=f'#include "{header}"\ntypedef int not_empty;\n'.encode())

    def test_layouts(self):
        """Every member at its documented offset (native/libkvm/layouts)."""
        for layouts in sorted((ROOT / "native/libkvm/layouts").glob("*.c")):
            for compiler in COMPILERS:
                with self.subTest(face=layouts.stem, compiler=compiler):
                    run(compiler, "-std=c11", *STRICT[1:], "-fsyntax-only", f"-I{ROOT}", layouts)

    def test_revisions_of_bsd_sources(self):
        for face in ("freebsd", "netbsd", "openbsd", "dragonfly"):
            for compiler in COMPILERS:
                run(compiler, *STRICT, "-fsyntax-only", "-x", "c", "-", f"-I{PREFIX}/include/panicroom/{face}",
                    input=b'#include <sys/cdefs.h>\n__FBSDID("$FreeBSD$");\n__RCSID("$NetBSD$");\n#include <kvm.h>\n')

    def test_default_header(self):
        run("gcc", *STRICT, "-fsyntax-only", "-x", "c", "-", f"-I{PREFIX}/include", input=b"#include <kvm.h>\nextern kvm_t *kd;\n")

    def test_what_the_library_shows(self):
        """No symbol comes or goes unnoticed: programs are linked against these."""
        library = next(PREFIX.glob("lib/**/libkvm.so"))
        listed = run("nm", "-D", "--defined-only", "--with-symbol-versions", library).stdout.decode().splitlines()
        shown = sorted(line.split()[2] for line in listed if " T " in line)
        self.assertEqual(shown, sorted((ROOT / "native/libkvm/symbols.txt").read_text().split()))
        self.assertEqual([line for line in listed if " T " not in line and " A " not in line], [])


class CMakePackage(unittest.TestCase):
    def test_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.16)\nproject(mine C)\nfind_package(panicroom-kvm REQUIRED)\n"
                f"add_executable(mine {ROOT}/samples/libkvm/kps.c)\ntarget_link_libraries(mine panicroom::kvm-freebsd)\n")
            run("cmake", "-S", folder, "-B", f"{folder}/build", f"-DCMAKE_PREFIX_PATH={PREFIX}")
            run("cmake", "--build", f"{folder}/build")
            run(f"{folder}/build/mine", status=2)


class Samples(unittest.TestCase):
    """samples/libkvm on a dump of each system."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for name, face in (("kps", "freebsd"), ("klist", "common"), ("kswapinfo", "freebsd"),
                           ("kfstat", "dragonfly"), ("kvmstat", "freebsd")):
            run("gcc", *STRICT, ROOT / f"samples/libkvm/{name}.c", "-o", f"{cls.folder.name}/{name}", *flags(face))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def sample(self, name, *arguments, status=0):
        return run(f"{self.folder.name}/{name}", *arguments, status=status, env=environment())

    def test_kps(self):
        for description, dump in DUMPS:
            with self.subTest(dump):
                answers, core, kernels = files_of(description, dump)
                kernel = ["-N", kernels[0]] if kernels else []
                lines = self.sample("kps", *kernel, core).stdout.splitlines()[1:]
                wanted = {process["pid"]: process["name"] for process in answers["processes"]}
                # Linux has a pid 0 for each processor.
                self.assertEqual(sorted({int(line.split()[0]) for line in lines}), sorted(wanted))
                for line in lines:
                    pid, *_, command = line.split(None, 4)
                    if command.startswith(b"[") and pid != b"0":
                        name = NOT_SHOWN.sub(b"?", wanted[int(pid)].encode()[:19])
                        self.assertEqual(command, b"[" + name + b"]")

    def test_klist(self):
        _, core, kernels = files_of("freebsd-12-tables", "freebsd-12-v3")
        said = self.sample("klist", "-N", kernels[0], core, "_panic", "kernbase", "_nothing", status=1).stdout.decode()
        panic, kernbase, nothing = said.splitlines()
        self.assertIn("0xffffffff80201000", panic)  # the description's
        self.assertIn("0xffffffff80000000", kernbase)
        self.assertIn("invalid address", kernbase)
        self.assertEqual(nothing.split(None, 1)[1], "not found")

    def test_kswapinfo(self):
        _, core, kernels = files_of("freebsd-12-machine", "12-machine-v3")
        lines = self.sample("kswapinfo", "-N", kernels[0], core).stdout.decode().splitlines()
        self.assertEqual([line.split() for line in lines[1:]],
                         [["/dev/da0p3", "262144", "4096"], ["/usr/swap0", "1024", "0"], ["total", "263168", "4096"]])

    def test_kfstat(self):
        """Descriptors, rights and places as the descriptions have them."""
        for description, dump in DUMPS[:4]:
            with self.subTest(dump):
                _, core, kernels = files_of(description, dump)
                lines = self.sample("kfstat", "-N", kernels[0], core).stdout.decode().splitlines()[1:]
                got = sorted((int(line.split()[0]), int(line.split()[2]), line.split()[4].strip("-")) for line in lines)
                self.assertEqual(got, sorted(descriptors(description)))
        _, core, _ = files_of(*DUMPS[4])
        self.sample("kfstat", core)

    def test_kvmstat(self):
        _, core, kernels = files_of("freebsd-12-machine", "12-machine-v3")
        said = self.sample("kvmstat", "-N", kernels[0], core).stdout.decode().splitlines()
        self.assertEqual(said, ["processors: 2", "load: 0.50 1.50 0.25", "ticks user: 101", "ticks nice: 22",
                                "ticks system: 3003", "ticks interrupt: 8", "ticks idle: 9000000005"])
        for description, dump in DUMPS[1:]:
            _, core, kernels = files_of(description, dump)
            self.sample("kvmstat", *(["-N", kernels[0]] if kernels else []), core)

    def test_real_dumps(self):
        """The published ones, where they are at hand: every process under the name that their truth gives it."""
        if not CASES:
            self.skipTest("PANICROOM_CASES is not set")
        freebsd = Path(CASES) / "freebsd-amd64"
        truth = json.loads((freebsd / "truth.json").read_text())
        for dump in ("minidump", "full"):
            with self.subTest(dump), tempfile.TemporaryDirectory() as folder:
                core = Path(folder) / "vmcore"
                core.write_bytes(bz2.decompress((freebsd / f"vmcore-amd64-{dump}.bz2").read_bytes()))
                lines = self.sample("kps", "-N", freebsd / "kernel.zst", core).stdout.decode().splitlines()[1:]
                wanted = {(thread["pid"], f"[{thread['comm']}]") for thread in truth[f"amd64-{dump}"]["threads"]}
                self.assertEqual({(int(line.split()[0]), line.split(None, 4)[4]) for line in lines}, wanted)
                # Its kernel file has no types: parents, users and states are not known.
                self.assertEqual({tuple(line.split()[1:4]) for line in lines}, {("-1", "-1", "?")})
                one = truth[f"amd64-{dump}"]["threads"][0]
                said = self.sample("klist", "-N", freebsd / "kernel.zst", core, "_dumptid").stdout.decode()
                self.assertEqual(int(said.split()[2], 16) & 0xffffffff, one["tid"])
        guest = (Path(CASES) / "linux-amd64" / "guest.txt").read_text()
        table = guest[guest.index("=== ps -o pid,"):].split("\n--- rc")[0]
        wanted = {int(pid): int(parent) for pid, parent in re.findall(r"^ *(\d+) +(\d+) +\d+ +\d+ ", table, re.M)}
        lines = self.sample("kps", Path(CASES) / "linux-amd64" / "vmcore.kdump-zstd").stdout.decode().splitlines()[1:]
        got = {int(line.split()[0]): int(line.split()[1]) for line in lines}
        # ps itself and what ran it are gone; the kernel's own threads come and go.
        self.assertGreater(len(wanted), 60)
        self.assertLess(len(set(wanted) - set(got)), 8, set(wanted) - set(got))
        for pid in set(wanted) & set(got):
            self.assertEqual(got[pid], wanted[pid], pid)

    def test_errors(self):
        for name in ("kps", "kswapinfo", "kfstat", "kvmstat"):
            self.assertEqual(self.sample(name, "/nonexistent", status=1).stderr.decode(),
                             f"{name}: /nonexistent: No such file or directory\n")
        self.assertIn("usage", self.sample("klist", status=2).stderr.decode())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    BUILD, FIXTURES = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as prefix:
        PREFIX = Path(prefix)
        run("cmake", "--install", BUILD, "--prefix", PREFIX)
        unittest.main(argv=sys.argv[:1])
