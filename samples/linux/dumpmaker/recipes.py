"""Which dumps there are: what each guest is started with, and how each file is made."""

from dataclasses import dataclass, field

# Raise it when what a boot produces changes for a reason that is not in the guest's source.
BOOT_VERSION = 1


@dataclass(frozen=True)
class Boot:
    """One guest. All of `dumps` are taken of the same stopped machine; the truth is that of all of them."""

    memory: str
    append: str
    machine: tuple[str, ...]
    dumps: dict[str, dict] = field(default_factory=dict)  # file name -> arguments of Guest.dump
    by_default: bool = True
    architecture: str = "amd64"
    swap: bool = False  # a disk to swap to
    death: str = "sysrq"  # how the kernel dies, see guest/die.c
    kdump: bool = False  # the guest's own crash kernel saves /proc/vmcore; then `dumps` is that one file


@dataclass(frozen=True)
class Derived:
    """Files that are made from another file. `how` names a function of derive.py."""

    source: str
    how: str
    arguments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # when there is more than one


_VMCOREINFO = ("-device", "vmcoreinfo")

@dataclass(frozen=True)
class Platform:
    """What differs between architectures."""

    emulator: str
    compiler: str
    console: str
    serial_ports: tuple[str, str]  # QEMU options for the console and the truth, with a file's name as {}
    truth: str  # the guest's name of the second one
    programs: dict[str, str]  # command or file -> Debian package
    kernel: str  # the package that stands for Debian's newest kernel


PLATFORMS = {
    "amd64": Platform("qemu-system-x86_64", "gcc", "ttyS0", ("-serial file:{}", "-serial file:{}"), "ttyS1", {
        "qemu-system-x86_64": "qemu-system-x86", "gcc": "gcc", "/usr/include/stdlib.h": "libc6-dev"}, "linux-image-amd64"),
    "i386": Platform("qemu-system-i386", "i686-linux-gnu-gcc", "ttyS0", ("-serial file:{}", "-serial file:{}"), "ttyS1", {
        "qemu-system-i386": "qemu-system-x86", "i686-linux-gnu-gcc": "gcc-i686-linux-gnu",
        "/usr/i686-linux-gnu/include/stdlib.h": "libc6-dev-i386-cross"}, "linux-image-686-pae"),
    "arm64": Platform(
        "qemu-system-aarch64", "aarch64-linux-gnu-gcc", "ttyAMA0",
        ("-serial file:{}", "-chardev file,id=truth,path={} -device pci-serial,chardev=truth"), "ttyS0", {
            "qemu-system-aarch64": "qemu-system-arm", "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
            "/usr/aarch64-linux-gnu/include/stdlib.h": "libc6-dev-arm64-cross"}, "linux-image-arm64"),
}

# Ways to die and what the kernel must be told so that it does not live on.
_WATCH_TASKS = "sysctl.kernel.hung_task_timeout_secs=4 sysctl.kernel.hung_task_panic=1"
DEATHS = {
    "null-dereference": "oops=panic",
    "general-protection": "oops=panic",
    "bad-pointer": "oops=panic",
    "null-call": "oops=panic",
    "divide": "oops=panic",
    "bug": "oops=panic",
    "warning": "panic_on_warn=1",
    "stack-overflow": "oops=panic",
    "double-free": "oops=panic",
    "soft-lockup": "softlockup_panic=1 watchdog_thresh=2",
    "spin-deadlock": "softlockup_panic=1 watchdog_thresh=2",
    "hung-task": _WATCH_TASKS,
    "deadlock": _WATCH_TASKS,
    "out-of-memory": "sysctl.vm.panic_on_oom=2",
    "init-killed": "",
    "nmi": "unknown_nmi_panic",
}

ARM64 = ("-machine", "virt", "-cpu", "cortex-a72", *_VMCOREINFO)
ARM64_DEATHS = ("null-dereference", "bug")

BOOTS = {
    "kaslr": Boot("512M", "pti=on", _VMCOREINFO, {
        "kaslr.elf": {},
        "kaslr.paging.elf": {"paging": True},
        "kaslr.qemu-zlib.kdump": {"kdump": "kdump-zlib"},
    }, swap=True),
    "nokaslr": Boot("256M", "nokaslr", _VMCOREINFO, {"nokaslr.elf": {}}),
    "la57": Boot("256M", "", ("-cpu", "max", *_VMCOREINFO), {"la57.elf": {}}),
    "no-vmcoreinfo": Boot("256M", "", (), {
        "no-vmcoreinfo.elf": {},
        "no-vmcoreinfo.qemu-zlib.kdump": {"kdump": "kdump-zlib"},
    }),
    "vmcore": Boot("512M", "crashkernel=192M", _VMCOREINFO, {"vmcore.elf": {}}, kdump=True),
    "arm64": Boot("256M", "", ARM64, {
        "arm64.elf": {},
        "arm64.qemu-zlib.kdump": {"kdump": "kdump-zlib"},
    }, architecture="arm64"),
    "i386": Boot("256M", "", ("-cpu", "max", *_VMCOREINFO), {
        "i386.elf": {},
        "i386.qemu-zlib.kdump": {"kdump": "kdump-zlib"},
    }, architecture="i386"),
    **{f"die-{death}": Boot("192M", f"death={death} {append}".strip(), _VMCOREINFO, {f"die-{death}.kdump": {"kdump": "kdump-zlib"}},
                            death=death) for death, append in DEATHS.items()},
    **{f"die-arm64-{death}": Boot("192M", f"death={death} {DEATHS[death]}", ARM64, {f"die-arm64-{death}.kdump": {"kdump": "kdump-zlib"}},
                                  death=death, architecture="arm64") for death in ARM64_DEATHS},
    "big": Boot("8G", "", _VMCOREINFO, {"big.elf": {}}, by_default=False),
}


def _filtered(boot: str, *names: str) -> dict[str, Derived]:
    standard = f"{boot}.standard.elf"
    every = {
        "d31-zlib": ("-c", "-d", "31"),
        "d31-lzo": ("-l", "-d", "31"),
        "d31-zstd": ("-z", "-d", "31"),
        "d31-plain": ("-d", "31"),
        "d1-lzo": ("-l", "-d", "1"),
        "d1-zstd": ("-z", "-d", "1"),
        "d0-zlib": ("-c", "-d", "0"),
    }
    made = {f"{boot}.{name}.kdump": Derived(standard, "makedumpfile", every[name]) for name in names}
    return {standard: Derived(f"{boot}.elf", "standard_elf")} | made


DERIVED = {
    **_filtered("kaslr", "d31-zlib", "d31-lzo", "d31-zstd", "d31-plain", "d1-lzo", "d1-zstd", "d0-zlib"),
    "kaslr.d31-snappy.kdump": Derived("kaslr.d31-plain.kdump", "snappy_pages"),
    "kaslr.d31.elf": Derived("kaslr.standard.elf", "makedumpfile", ("-E", "-d", "31")),
    "kaslr.d31-zstd.flat.kdump": Derived("kaslr.standard.elf", "makedumpfile_flattened", ("-z", "-d", "31")),
    "kaslr.d31.flat.elf": Derived("kaslr.standard.elf", "makedumpfile_flattened", ("-E", "-d", "31")),
    "kaslr.d31-zstd.split": Derived(
        "kaslr.standard.elf", "makedumpfile_split", ("--splitblock-size", "64", "-z", "-d", "31"),
        tuple(f"kaslr.d31-zstd.split{part}.kdump" for part in (1, 2, 3))),
    "kaslr.d31-zstd.truncated.kdump": Derived("kaslr.d31-zstd.kdump", "first_part", ("60",)),
    "kaslr.truncated.elf": Derived("kaslr.elf", "first_part", ("60",)),
    "kaslr.d31-lzo.incomplete.kdump": Derived("kaslr.standard.elf", "makedumpfile_disk_full", ("-l", "-d", "31")),
    **_filtered("nokaslr", "d31-zstd"),
    **_filtered("la57", "d31-zstd"),
    **{f"vmcore.{name}.kdump": Derived("vmcore.elf", "makedumpfile", (option, "-d", "31"))
       for name, option in (("d31-zstd", "-z"), ("d31-lzo", "-l"))},
    **_filtered("big", "d31-zstd"),
}

for _boot in BOOTS:
    DERIVED[f"{_boot}.truth.json"] = Derived(f"{_boot}.truth.raw", "truth")


DISK_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk")


def boot_files(name: str) -> list[str]:
    return [f"{name}.truth.raw", f"{name}.serial.log", *BOOTS[name].dumps]


def boot_of(file: str) -> str:
    return file.split(".", 1)[0]
