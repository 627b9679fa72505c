# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running kernel: may its parameters be changed from here, which exist, read and write them."""

from __future__ import annotations

import errno
import fnmatch
import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening.sysctl import LOCKED, is_pattern, normal

PROC_SYS = "/proc/sys"
_CONTAINER_MARKS = ("/run/systemd/container", "/.dockerenv", "/run/.containerenv", "/run/host/container-manager")
# Largest vm.mmap_rnd_bits and vm.mmap_rnd_compat_bits of the architectures where it is one number
# (ARCH_MMAP_RND_BITS_MAX, arch/x86/Kconfig); others depend on page size and are read from the kernel's configuration.
_RND_BITS = {"x86_64": {"vm/mmap_rnd_bits": "32", "vm/mmap_rnd_compat_bits": "16"}}
_RND_CONFIG = {
    "vm/mmap_rnd_bits": "CONFIG_ARCH_MMAP_RND_BITS_MAX=",
    "vm/mmap_rnd_compat_bits": "CONFIG_ARCH_MMAP_RND_COMPAT_BITS_MAX=",
}


def is_live(root: str) -> bool:
    """Whether the tree at `root` is what this kernel runs, and its parameters are ours to change.

    Not so in an image tree, a chroot (its /proc is the builder's own!), a container, or with /proc/sys read-only.
    """
    if root != "/" or any(os.path.exists(mark) for mark in _CONTAINER_MARKS):
        return False
    try:
        ours, first = os.stat("/"), os.stat("/proc/1/root/")
        read_only = os.statvfs(PROC_SYS).f_flag & os.ST_RDONLY
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (first.st_dev, first.st_ino) and not read_only


def most_bits(key: str, boot_config: str, machine: str) -> str | None:
    """Most random bits for `key` on `machine`; None when neither the table nor the kernel's configuration tells."""
    known = _RND_BITS.get(machine, {}).get(key)
    if known:
        return known
    for line in boot_config.splitlines():
        if line.startswith(_RND_CONFIG[key]):
            return line.partition("=")[2]
    return None


def expand(pattern: str, base: str = PROC_SYS) -> list[str]:
    """Existing parameters that `pattern` (a path below `base`, wildcards in whole parts) names."""
    found = [""]
    for part in pattern.split("/"):
        deeper = []
        for place in found:
            if is_pattern(part):
                try:
                    names = sorted(os.listdir(f"{base}{place}"))
                except OSError:
                    names = []
                deeper += [f"{place}/{name}" for name in names if fnmatch.fnmatchcase(name, part)]
            else:
                deeper.append(f"{place}/{part}")
        found = deeper
    return [place[1:] for place in found if os.path.exists(f"{base}{place}")]


def get(key: str, base: str = PROC_SYS) -> str | None:
    """Value of a parameter, None when this kernel has no such one or does not let it be read."""
    try:
        with open(f"{base}/{key}", encoding="utf-8", errors="surrogateescape") as file:
            return normal(file.read())
    except OSError:
        return None


def put(key: str, value: str, base: str = PROC_SYS) -> str | None:
    """Set a parameter; returns None or why the kernel refused."""
    try:
        with open(f"{base}/{key}", "w", encoding="utf-8") as file:
            file.write(value)
    except OSError as error:
        return os.strerror(error.errno or errno.EIO)
    return None


def targets(settings: dict[str, str], base: str = PROC_SYS) -> dict[str, str]:
    """Every existing parameter that `settings` speaks of, with its value; a name beats a pattern."""
    wanted = {}
    for key, value in settings.items():
        if not is_pattern(key) and os.path.exists(f"{base}/{key}"):
            wanted[key] = value
    for key, value in settings.items():
        if is_pattern(key):
            for found in expand(key, base):
                if found not in settings:
                    wanted[found] = value
    return wanted


def apply(settings: dict[str, str], check_mode: bool, base: str = PROC_SYS) -> tuple[list, list, list]:
    """Bring the kernel to `settings`, writing only what differs, and read back.

    Returns changes `(key, before, after)`, keys that wait for the next boot, and failures `(key, value, reason)`.
    A second pass catches what a first write reset (net.ipv4.ip_forward does that to others).
    """
    changes, failures = [], []
    wanted = targets(settings, base)
    first = {key: get(key, base) for key in wanted}
    waiting = [key for key, value in wanted.items() if first[key] == LOCKED.get(key, value) != value]
    refused: dict[str, str] = {}
    for _round in (1, 2):
        for key, value in wanted.items():
            if check_mode or key in waiting or key in refused or get(key, base) == value:
                continue
            reason = put(key, value, base)
            if reason:
                refused[key] = reason
    for key, value in wanted.items():
        if key in waiting:
            continue
        now = value if check_mode else get(key, base)
        if first[key] != now:
            changes.append((key, first[key], now))
        if now != value:
            failures.append((key, value, refused.get(key, f"still {now}")))
    return changes, waiting, failures
