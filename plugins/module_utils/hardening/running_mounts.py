# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted now: give it flags, and begin to use a file system of its own for /tmp."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.mounts import unit_name

MOUNTINFO = "/proc/self/mountinfo"
# While it is there, which is until the next boot, systemd passes over the unit of /tmp. It would start it for the first
# service with PrivateTmp= or RequiresMountsFor=/tmp (systemd.exec(5), systemd.unit(5)).
HOLD = "/run/systemd/system/tmp.mount.d/hallmark-next-boot.conf"
_HOLD_TEXT = f"# Over files nothing is mounted before the next boot.\n[Unit]\nConditionPathExists=!{HOLD}\n"
# Flags of mount(2) by the name mountinfo gives them.
_FLAGS = {
    "ro": 1,
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "nosymfollow": 256,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
_REMOUNT, _BIND = 32, 4096
# Services with a /tmp of their own have theirs mounted already and do not miss the folder; the others hold sockets of
# graphical sessions, or nothing.
_HARMLESS = (
    "systemd-private-",
    "snap-private-tmp",
    "snap.",
    ".X11-unix",
    ".ICE-unix",
    ".XIM-unix",
    ".font-unix",
    ".Test-unix",
)


def parse(mountinfo: str) -> dict[str, list[str]]:
    """Flags by mount point of a mountinfo text (proc(5)); of mounts over one another the last counts."""
    found = {}
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) > 5:
            found[fields[4]] = fields[5].split(",")
    return found


def same_namespace() -> bool:
    """Whether our mounts are those of the system, and not of a service with some of its own."""
    try:
        return os.readlink("/proc/self/ns/mnt") == os.readlink("/proc/1/ns/mnt")
    except OSError:
        return False


def remount(path: str, flags: list[str]) -> None:
    """Give the mount at `path` exactly `flags`. Nothing else of it is touched: no size, no other mount of the same."""
    import ctypes  # late: only where something differs

    number = _REMOUNT | _BIND
    for flag in flags:
        number |= _FLAGS.get(flag, 0)
    library = ctypes.CDLL(None, use_errno=True)
    mount = library.mount
    mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_void_p]
    if mount(b"none", os.fsencode(path), None, number, None):
        raise HardeningError(f"{path}: cannot change the flags of the mount: {os.strerror(ctypes.get_errno())}")


def set_flags(tree: Tree, wanted: dict[str, list[str]], apply: Callable = remount) -> None:
    """Give what is mounted the flags it lacks, and note it in `tree`."""
    mounted = parse(Tree("/").read(MOUNTINFO) or "")
    for path, flags in wanted.items():
        held = mounted.get(path, flags)
        missing = [flag for flag in flags if flag not in held]
        if missing:
            tree.note(path, ",".join(held), ",".join(held + missing), "mounted now")
            if not tree.check_mode:
                apply(path, held + missing)


def in_the_way(names: list[str]) -> list[str]:
    """Those of the names in /tmp that a file system mounted there would hide from someone."""
    return [name for name in names if not name.startswith(_HARMLESS) and not _is_ours(name)]


def _is_ours(name: str) -> bool:
    """Whether Ansible unpacked a module there, which at this time is this one: it is moved along."""
    return name.startswith("ansible_") and "_payload_" in name


def hold(tree: Tree, paths: list[str]) -> list[str]:
    """Those of `paths` that must wait for the next boot; until then nobody else mounts them either.

    Over files in /tmp nothing is mounted: who put them there would lose them. /var/tmp is mounted onto itself and
    hides nothing.
    """
    mounted = parse(Tree("/").read(MOUNTINFO) or "")
    waits = "/tmp" in paths and "/tmp" not in mounted and (os.path.islink("/tmp") or in_the_way(os.listdir("/tmp")))
    if waits:
        tree.write(HOLD, _HOLD_TEXT, 0o644, "root", "root")
    else:
        tree.remove(HOLD)
    return ["/tmp"] if waits else []


def start(tree: Tree, paths: list[str], run: Callable) -> None:
    """Mount what is to be a mount and is none yet."""
    mounted = parse(Tree("/").read(MOUNTINFO) or "")
    for path in paths:
        if path in mounted:
            continue
        tree.note(path, "no mount", "mounted", "mounted now")
        if not tree.check_mode:
            mount_unit(path, unit_name(path), run)
            if path == "/tmp":  # folders of graphical sessions, and SELinux labels
                run(["systemd-tmpfiles", "--create", "--prefix=/tmp"])


def mount_unit(path: str, unit: str, run: Callable) -> None:
    """Start the unit that mounts `path`, and take what Ansible unpacked there along."""
    below = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        run(["systemctl", "start", unit])
        if os.path.samestat(os.fstat(below), os.stat(path)):  # mounted onto itself: nothing is covered
            return
        # Python reads the rest of this module's own code from there.
        for name in filter(_is_ours, os.listdir(below)):
            shutil.move(f"/proc/self/fd/{below}/{name}", f"{path}/{name}")
    finally:
        os.close(below)
