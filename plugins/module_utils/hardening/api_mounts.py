# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's file systems and those in memory (/dev, /dev/shm, /run, /proc): lines in fstab, and options now."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.hardening import fstab
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.groups import add_group, add_members
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
DROP_IN = "hallmark-hidepid.conf"
_TEXT = """\
# Managed by Ansible, module hallmark.images.api_mounts; changes here are lost.
# /proc shows a process to its own user and to this group only.
[Service]
SupplementaryGroups={group}
"""


Line = tuple  # mount point, options, source, type


def lines_for(mounts: list[dict], family: str) -> list[Line]:
    """The lines of fstab that those `mounts` which are for `family` ask for."""
    for mount in mounts:
        if not mount["path"].startswith("/"):
            raise HardeningError(f"mounts: {mount['path']}: is no absolute path")
    chosen = [mount for mount in mounts if not mount["families"] or family in mount["families"]]
    return [(mount["path"], mount["options"], mount["source"], mount["fstype"]) for mount in chosen]


def set_hidepid(tree: Tree, level: int, group: str, services: list[str], users: list[str]) -> tuple[list, list[str]]:
    """Have /proc hide processes from other users, but not from `group`, of which services and users become members.

    Level 0 takes back what another level did, and touches nothing else. Returns the lines of fstab to set, and the
    services whose drop-in changed.
    """
    options = ["rw", "nosuid", "nodev", "noexec", "relatime", f"hidepid={level}"]
    if level:
        options.append(f"gid={add_group(tree, group)}")
        add_members(tree, group, users)
    changed = []
    for service in services:
        path = f"/etc/systemd/system/{service}.d/{DROP_IN}"
        if not level:
            differs = tree.remove(path)
        elif any(tree.exists(f"{folder}/{service}") for folder in _UNITS):
            differs = tree.write(path, _TEXT.format(group=group), 0o644, "root", "root")
        else:
            continue
        if differs:
            changed.append(service)
    held = fstab.options_of(tree.read(fstab.FSTAB) or "", "/proc")
    if not level and not any(option.startswith("hidepid=") for option in held):
        return [], changed
    return [("/proc", options, "proc", "proc")], changed


def restart(tree: Tree, services: list[str], run: Callable[[list[str]], tuple]) -> list[dict]:
    """Give running services their new drop-ins; returns what failed. Must come before /proc hides anything."""
    if not services or tree.check_mode or not tree.exists("/run/systemd/system"):
        return []
    for command in (["systemctl", "daemon-reload"], ["systemctl", "try-restart", *services]):
        code, _out, error = run(command)
        if code:
            return [{"path": " ".join(command), "reason": error.strip() or f"exit code {code}"}]
    return []


def remount(tree: Tree, wanted: dict[str, list[str]], run: Callable[[list[str]], tuple]) -> list[dict]:
    """Give mounted file systems that lack an option what their line in fstab says; returns what failed.

    Not fatal: the next boot takes the lines anyhow.
    """
    failures = []
    for path, options in wanted.items():
        mount = fstab.mounted(path, fstab.mounts(tree.read(fstab.MOUNT_TABLE) or ""))
        lacks = fstab.lacking(mount, options) if mount else []
        if not lacks:
            continue
        if not tree.check_mode:
            code, _out, error = run(["mount", "-o", "remount", path])
            now = fstab.mounted(path, fstab.mounts(tree.read(fstab.MOUNT_TABLE) or ""))
            if code or not now or fstab.lacking(now, options):
                failures.append({"path": path, "reason": error.strip() or f"still lacks {','.join(lacks)}"})
                continue
        tree.note(path, f"without {','.join(lacks)}", "remounted", "mounted")
    return failures


def set_all(tree: Tree, options: dict, live: bool, run: Callable[[list[str]], tuple]) -> list[dict]:
    """Do what module api_mounts promises; `options` are its own, `run` runs a command. Returns what failed."""
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    lines, services = lines_for(options["mounts"], system), []
    if not options["hidepid_families"] or system in options["hidepid_families"]:
        names = [options[key] for key in ("hidepid_group", "hidepid_services", "hidepid_users")]
        proc, services = set_hidepid(tree, options["hidepid"], *names)
        lines += proc
    fstab.put(tree, lines)
    if not live:
        return []
    wanted: dict[str, list[str]] = {}
    for path, more, _source, _fstype in lines:
        wanted[path] = fstab.merge_options(wanted.get(path, []), more)
    return restart(tree, services, run) or remount(tree, wanted, run)
