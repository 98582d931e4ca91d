"""Debian's kernel and the programs that are needed, without installing the kernel."""

import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import Failed


@dataclass(frozen=True)
class Kernel:
    release: str
    image: Path
    modules: Path

    def module(self, name: str) -> bytes:
        """A module's file, unpacked."""
        found = next(iter(sorted(self.modules.glob(f"**/{name}.ko*"))), None)
        if found is None:
            raise Failed(f"{self.modules} has no module {name}")
        content = found.read_bytes()
        return lzma.decompress(content) if found.suffix == ".xz" else content


def cache_folder() -> Path:
    if chosen := os.environ.get("PANICROOM_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "panicroom"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(command: list[str], **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def need_programs(programs: dict[str, str]) -> None:
    """`programs`: command, or absolute path of a file -> Debian package. Installs what is missing when that is allowed."""
    def present(name: str) -> bool:
        return Path(name).exists() if name.startswith("/") else shutil.which(name) is not None

    missing = sorted({package for name, package in programs.items() if not present(name)})
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Failed(f"missing programs; as root: {' '.join(install)}")
    say(f"installing {' '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(install, env=environment, capture_output=True).returncode != 0:
        _run(["apt-get", "update"])
        _run(install, env=environment)


class _Apt:
    """apt with lists of its own: another suite or architecture than the system's, which is not touched."""

    def __init__(self, folder: Path, suite: str, architecture: str):
        targets = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages"]).splitlines()
        archive = next((line for line in targets if line.endswith("/debian/")), None)
        if archive is None:
            raise Failed("apt has no list of Debian's main archive; run apt-get update first")
        for needed in ("lists/partial", "cache/archives/partial", "debs"):
            (folder / needed).mkdir(parents=True)
        (folder / "status").touch()
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {archive} {suite} main\n")
        settings = {
            "Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": folder / "lists", "Dir::State::status": folder / "status", "Dir::Cache": folder / "cache",
            "APT::Architecture": architecture, "APT::Architectures": architecture, "APT::Sandbox::User": "root",
        }
        self._folder = folder
        self._options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        _run(["apt-get", "-q", *self._options, "update"])

    def depends(self, package: str) -> str:
        return _run(["apt-cache", *self._options, "depends", package])

    def unpack(self, packages: list[str], root: Path) -> None:
        _run(["apt-get", "-q", *self._options, "download", *packages], cwd=self._folder / "debs")
        for deb in (self._folder / "debs").glob("*.deb"):
            _run(["dpkg", "-x", str(deb), str(root)])


def _in_cache(name: str, make) -> Path:
    """A folder of the cache; when it is not there, `make(root, scratch)` fills it. Nobody sees it half made."""
    target = cache_folder() / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
            root = Path(scratch) / "root"
            root.mkdir(mode=0o755)
            make(root, Path(scratch))
            root.rename(target)
    return target


def _kernel_package(depends: str) -> str:
    """The package that linux-image-amd64 or the like stands for, such as linux-image-6.1.0-56-amd64."""
    if match := re.search(r"Depends: (linux-image-\S+)", depends):
        return match[1]
    raise Failed("apt does not know Debian's kernel: is this Debian?")


def _apt_of(architecture: str, scratch: Path) -> _Apt:
    """This Debian for another architecture."""
    suite = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return _Apt(scratch, suite[1] if suite else "stable", architecture)


def _unpack_kernel(architecture: str, newest: str, root: Path, scratch: Path) -> None:
    if architecture == "amd64":  # the system's own lists: they have the security updates, and the debug symbols for them
        depends = ["apt-cache", "depends", newest]
        if not subprocess.run(depends, capture_output=True).stdout:
            _run(["apt-get", "update"])
        package = _kernel_package(_run(depends))
        say(f"downloading {package}")
        _run(["apt-get", "download", package], cwd=scratch)
        _run(["dpkg", "-x", str(next(scratch.glob("*.deb"))), str(root)])
        return
    apt = _apt_of(architecture, scratch)
    package = _kernel_package(apt.depends(newest))
    say(f"downloading {package}")
    apt.unpack([package], root)


def kernel(architecture: str = "amd64", newest: str = "linux-image-amd64") -> Kernel:
    """The cached kernel, else the newest one of this Debian, downloaded and unpacked into the cache; `newest` is the package
    that stands for it."""
    name = "kernel/root" if architecture == "amd64" else f"kernel/{architecture}"
    root = _in_cache(name, lambda root, scratch: _unpack_kernel(architecture, newest, root, scratch))
    images = sorted(root.glob("boot/vmlinuz-*"))
    if not images:
        raise Failed(f"{root} has no boot/vmlinuz-*; remove that folder and try again")
    release = images[-1].name.removeprefix("vmlinuz-")
    modules = next(iter(root.glob(f"**/modules/{release}")), None)
    if modules is None:
        raise Failed(f"{root} has no modules of {release}; remove that folder and try again")
    return Kernel(release, images[-1], modules)


def _unpack_headers(release: str, architecture: str, root: Path, scratch: Path) -> None:
    series = ".".join(release.split(".")[:2])
    tools = [f"linux-kbuild-{series}"]  # programs of this machine
    packages = [f"linux-headers-{release}", f"linux-headers-{re.sub(r'-[^-]+$', '', release)}-common"]
    say(f"downloading {' '.join(packages + tools)}")
    if architecture == "amd64":
        tools += packages
    else:
        _apt_of(architecture, scratch).unpack(packages, root)
    _run(["apt-get", "download", *tools], cwd=scratch)
    for package in scratch.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(root)])
    # The packages' only path that is no relative one.
    common = next(root.glob("usr/src/linux-headers-*-common"))
    (root / "usr/src" / f"linux-headers-{release}" / "Makefile").write_text(
        f"include $(dir $(lastword $(MAKEFILE_LIST)))../{common.name}/Makefile\n")


def build_module(source: Path, release: str, architecture: str, compiler: str) -> bytes:
    """A module for that kernel of Debian's, from one source file."""
    root = _in_cache(f"kernel/headers-{release}", lambda root, scratch: _unpack_headers(release, architecture, root, scratch))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, folder)
        (Path(folder) / "Makefile").write_text(f"obj-m := {source.stem}.o\nccflags-y := -fmacro-prefix-map=$(src)/=\n")
        headers = root / "usr/src" / f"linux-headers-{release}"
        for_another = [] if architecture == "amd64" else [f"ARCH={architecture}", f"CROSS_COMPILE={compiler.removesuffix('gcc')}"]
        _run(["make", "-C", str(headers), f"M={folder}", f"CC={compiler}", *for_another, "modules"])
        return (Path(folder) / f"{source.stem}.ko").read_bytes()


NEXT_SUITE = "trixie"


def from_next_suite(name: str, packages: list[str]) -> Path:
    """A folder of the cache in which `packages` of the next Debian are unpacked. NAME tells apart what is unpacked for
    different ends. Run its programs with `command_in`."""
    def make(root: Path, scratch: Path) -> None:
        say(f"downloading {' '.join(packages)} of Debian {NEXT_SUITE}")
        _Apt(scratch, NEXT_SUITE, "amd64").unpack(packages, root)

    return _in_cache(f"{NEXT_SUITE}-{name}", make)


def command_in(prefix: Path, program: str) -> list[str]:
    """Starts a program of `from_next_suite` with the C library that came with it."""
    libraries = f"{prefix}/usr/lib/x86_64-linux-gnu:{prefix}/lib/x86_64-linux-gnu"
    loader = f"{prefix}/usr/lib64/ld-linux-x86-64.so.2"
    return [loader, "--library-path", libraries, str(prefix / program)]


def makedumpfile() -> list[str]:
    """A makedumpfile that can write zstd: the system's, else that of the next Debian (Debian 12's cannot)."""
    if shutil.which("makedumpfile") is not None:
        said = subprocess.run(["makedumpfile", "-v"], capture_output=True, text=True)
        if re.search(r"zstd\s+enabled", said.stdout + said.stderr):
            return ["makedumpfile"]
    prefix = from_next_suite("makedumpfile", [
        "makedumpfile", "libc6", "libdw1t64", "libelf1t64", "liblzo2-2", "libzstd1", "zlib1g", "liblzma5", "libbz2-1.0"])
    return command_in(prefix, "usr/bin/makedumpfile")
