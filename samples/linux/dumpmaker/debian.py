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


def _package() -> str:
    """The package that linux-image-amd64 stands for, such as linux-image-6.1.0-56-amd64."""
    for attempt in ("as is", "updated"):
        if attempt == "updated":
            _run(["apt-get", "update"])
        for line in subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True).stdout.splitlines():
            if "Depends: linux-image-" in line:
                return line.split(": ")[1].strip()
    raise Failed("apt-cache does not know linux-image-amd64: is this Debian?")


def kernel() -> Kernel:
    """The cached kernel, else the newest one of this Debian, downloaded and unpacked into the cache."""
    cache = cache_folder() / "kernel"
    images = sorted(cache.glob("root/boot/vmlinuz-*"))
    if not images:
        cache.mkdir(parents=True, exist_ok=True)
        package = _package()
        say(f"downloading {package}")
        _run(["apt-get", "download", package], cwd=cache)
        deb = next(cache.glob("*.deb"))
        unpacked = cache / "unpacking"
        shutil.rmtree(unpacked, ignore_errors=True)
        _run(["dpkg", "-x", str(deb), str(unpacked)])
        unpacked.rename(cache / "root")
        deb.unlink()
        images = sorted(cache.glob("root/boot/vmlinuz-*"))
    if not images:
        raise Failed(f"{cache}/root has no boot/vmlinuz-*; remove that folder and try again")
    release = images[-1].name.removeprefix("vmlinuz-")
    modules = next(iter(cache.glob(f"root/**/modules/{release}")), None)
    if modules is None:
        raise Failed(f"{cache}/root has no modules of {release}; remove that folder and try again")
    return Kernel(release, images[-1], modules)


NEXT_SUITE = "trixie"


def from_next_suite(name: str, packages: list[str]) -> Path:
    """A folder of the cache in which `packages` of the next Debian are unpacked. The system's own packages and apt lists
    are not touched; NAME tells apart what is unpacked for different ends. Run its programs with `command_in`."""
    prefix = cache_folder() / f"{NEXT_SUITE}-{name}"
    if prefix.exists():
        return prefix
    say(f"downloading {' '.join(packages)} of Debian {NEXT_SUITE}")
    targets = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages"]).splitlines()
    archive = next((line for line in targets if line.endswith("/debian/")), None)
    if archive is None:
        raise Failed("apt has no list of Debian's main archive; run apt-get update first")
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder_name:
        folder = Path(folder_name)
        for needed in ("lists/partial", "cache/archives/partial", "debs", "root"):
            (folder / needed).mkdir(parents=True)
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {archive} {NEXT_SUITE} main\n")
        apt = ["apt-get", "-q", "-o", f"Dir::Etc::SourceList={folder}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache", "-o", "APT::Sandbox::User=root"]
        _run([*apt, "update"])
        _run([*apt, "download", *packages], cwd=folder / "debs")
        for deb in (folder / "debs").glob("*.deb"):
            _run(["dpkg", "-x", str(deb), str(folder / "root")])
        (folder / "root").rename(prefix)
    return prefix


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
