# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data disks that a system mounts at boot: a line of fstab, a unit and a line of a table for each of them.

The unit runs a program, data_disk_program, before the disk is mounted. It takes the place of x-systemd.makefs: systemd
looks for file systems only and would format a disk that has partitions (probe_filesystem in dissect-image.c).
"""

from __future__ import annotations

import importlib.util
import json
import re

from ansible_collections.hallmark.images.plugins.module_utils.hardening import data_disk_program, fstab, mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, octal

PROGRAM = "/usr/local/sbin/hallmark-data-disk"
#: Mounts all of them at boot. Were the mounts themselves wanted by local-fs.target, systemd would look for a missing
#: disk again whenever any unit is started; this one is active from then on, whatever became of the disks.
BOOT_UNIT = f"{mounts.UNITS}/hallmark-data-disks.service"
BOOT_LINK = f"{mounts.UNITS}/local-fs.target.wants/hallmark-data-disks.service"
#: Stands among the options of our lines in fstab; mount(8) ignores it.
MARK = "x-hallmark-data"
#: Longest label that a file system can carry (mke2fs(8), mkfs.xfs(8)).
LABELS = {"ext4": 16, "xfs": 12}
_HEADER = "# Managed by Ansible, module hallmark.images.data_disks; changes here are lost.\n"
_UNIT = "hallmark-data-disk-"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_LABEL = re.compile(r"[A-Za-z0-9_.-]*")
_PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
_WORD = re.compile(r"[A-Za-z0-9_./:-]+")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
#: An empty file system here, or anywhere below the latter, would hide what the system needs to run.
_NOT_HERE = re.compile(r"/(root|tmp|var|(bin|boot|dev|etc|lib|lib32|lib64|proc|run|sbin|sys|usr)(/.*)?)")
#: Time that formatting may take; systemd waits as much longer for the link to the disk.
_FORMATTING = 60


def check(items: list[dict]) -> list[dict]:
    """Option `disks` with its values checked, as lines of the table, and `options`.

    :raises HardeningError: on what cannot be, naming the disk and the option.
    """
    disks = []
    for number, item in enumerate(items):
        disk = {key: value for key, value in item.items() if value is not None}
        title = f"disks: {disk['name']}" if _NAME.fullmatch(disk["name"]) else f"disks[{number}]"
        _demand(_NAME, f"{title}: name", disk["name"], "at most 20 of a-z, 0-9 and -, such as data")
        _demand(_PATH, f"{title}: path", disk["path"], "an absolute path such as /data")
        if _NOT_HERE.fullmatch(disk["path"]):
            raise HardeningError(
                f"{title}: path: {disk['path']} holds what the system needs; take a path such as /data"
            )
        longest = LABELS[disk["filesystem"]]
        disk["label"] = disk.get("label") or disk["name"][:longest]
        if len(disk["label"]) > longest or not _LABEL.fullmatch(disk["label"]):
            raise HardeningError(
                f"{title}: label: {disk['label']!r}: give at most {longest} letters, digits, dots, - and _"
            )
        if not {"serial", "ebs", "position"} & set(disk):
            disk["serial"] = disk["name"]
        for key in ("serial", "ebs"):
            if key in disk:
                _demand(_WORD, f"{title}: {key}", disk[key], "what the platform calls the disk, without blanks")
        if disk.get("position", 1) < 1:
            raise HardeningError(f"{title}: position: {disk['position']}: give 1 for the first disk after the system's")
        for key in ("owner", "group"):
            _demand(_ACCOUNT, f"{title}: {key}", disk[key], "a name or a number")
        disk["mode"] = f"{octal(disk['mode'], f'{title}: mode'):04o}"
        for option in disk["options"]:
            if not option or set(option) & set(" \t\n,#\\\"'"):
                raise HardeningError(f"{title}: options: {option!r}: give one mount option per item, such as noexec")
        disks.append(disk)
    for key in ("name", "path", "label", "serial", "ebs", "position"):
        _differ(disks, key)
    return disks


def _demand(pattern: re.Pattern, place: str, value: str, right: str) -> None:
    if not pattern.fullmatch(value):
        raise HardeningError(f"{place}: {value!r}: give {right}")


def _differ(disks: list[dict], key: str) -> None:
    seen: dict = {}
    for disk in disks:
        value = data_disk_program.plain_ebs(disk[key]) if key == "ebs" and key in disk else disk.get(key)
        if value is not None and value in seen:
            raise HardeningError(f"disks: {disk['name']}: {key}: {disk[key]!r} is also that of {seen[value]}")
        seen[value] = disk["name"]


def unit_of(disk: dict) -> str:
    """Name of the unit that brings a disk to be mounted."""
    return f"{_UNIT}{disk['name']}.service"


def unit(disk: dict) -> str:
    """Text of that unit."""
    return (
        f"{_HEADER}[Unit]\nDescription=Data disk {disk['name']} for {disk['path']}\nDefaultDependencies=no\n"
        "After=systemd-udevd.service systemd-udev-trigger.service\nBefore=shutdown.target\nConflicts=shutdown.target\n"
        f"RequiresMountsFor={PROGRAM}\n\n[Service]\nType=oneshot\nExecStart={PROGRAM} prepare {disk['name']}\n"
        "StandardError=journal+console\nTimeoutStartSec=infinity\nPrivateMounts=yes\n"
    )


def boot_unit(disks: list[dict]) -> str:
    """Text of the unit that mounts all of them at boot. A boot waits for it, but goes on without a disk."""
    return (
        f"{_HEADER}[Unit]\nDescription=Mount data disks\nDefaultDependencies=no\n"
        "After=systemd-udevd.service systemd-udev-trigger.service\nBefore=local-fs.target shutdown.target\n"
        "Conflicts=shutdown.target\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\n"
        f"ExecStart=-/bin/systemctl start {' '.join(disk['path'] for disk in disks)}\n"
        "CapabilityBoundingSet=\nNoNewPrivileges=yes\nRestrictAddressFamilies=AF_UNIX\nSystemCallArchitectures=native\n"
    )


def options_of(disk: dict, timeout: int) -> list[str]:
    """Mount options of a disk. The unit for all of them mounts it, hence noauto."""
    return [
        *disk["options"],
        "noauto",
        "nofail",
        f"x-systemd.requires={unit_of(disk)}",
        "x-systemd.before=local-fs.target",
        f"x-systemd.device-timeout={timeout + _FORMATTING}",
        "x-systemd.growfs",
        MARK,
    ]


def edit_fstab(text: str, disks: list[dict], timeout: int) -> tuple[str, list[tuple]]:
    """fstab with a line for each disk and no other line of ours, and what changed: `(mount point, before, after)`.

    Flags that somebody else has put into a line of ours stay.

    :raises HardeningError: when somebody else's line is about one of the paths.
    """
    wanted, lines, changes = {disk["path"]: disk for disk in disks}, [], []
    for line in text.splitlines():
        fields = mounts.fields_of(line)
        path = fields[1].rstrip("/") if fields else ""
        held = fields[3].split(",") if len(fields) > 3 else []
        if MARK in held:
            disk = wanted.pop(path, None)
            fresh = _line(disk, timeout, held) if disk else ""
            if fresh != line:
                changes.append((path, fields[3], fresh.split()[3] if fresh else "removed"))
            lines += [fresh] if fresh else []
            continue
        if path in {disk["path"] for disk in disks}:
            raise HardeningError(f"{fstab.FSTAB}: there is another line for {path}; remove it, or choose another path")
        lines.append(line)
    for path, disk in wanted.items():
        lines.append(_line(disk, timeout, []))
        changes.append((path, "no line", lines[-1].split()[3]))
    return "".join(f"{line}\n" for line in lines), changes


def _line(disk: dict, timeout: int, held: list[str]) -> str:
    options = options_of(disk, timeout)
    flags = [flag for flag in held if flag in mounts.FLAGS and flag not in options and flag[2:] not in options]
    source = f"{data_disk_program.LINKS}/{disk['name']}"
    return f"{source} {disk['path']} {disk['filesystem']} {','.join(flags + options)} 0 2"


def put(tree: Tree, disks: list[dict], timeout: int, python: str) -> None:
    """Bring the files of a system to the disks; without disks, none of ours is left.

    :param python: the interpreter that the program will have.
    """
    text = tree.read(fstab.FSTAB) or ""
    new, keys = edit_fstab(text, disks, timeout)
    units = {f"{mounts.UNITS}/{unit_of(disk)}": unit(disk) for disk in disks}
    if disks:
        units[BOOT_UNIT] = boot_unit(disks)
    for disk in disks:
        for key, kind in (("owner", "passwd"), ("group", "group")):
            tree.id_of(disk[key], kind)
        # Below another data disk, systemd makes the folder once that is mounted.
        is_inner = any(disk["path"].startswith(f"{other['path']}/") for other in disks)
        if not is_inner and not tree.exists(disk["path"]):
            tree.directory(disk["path"])
    if disks:
        table = {"timeout": timeout, "disks": [{k: v for k, v in disk.items() if k != "options"} for disk in disks]}
        tree.write(data_disk_program.TABLE, json.dumps(table, indent=2, sort_keys=True) + "\n", 0o644, "root", "root")
        tree.write(PROGRAM, f"#!{python} -I\n{_HEADER}{_source()}", 0o755, "root", "root")
    else:
        for path in (data_disk_program.TABLE, PROGRAM, BOOT_LINK, BOOT_UNIT):
            tree.remove(path)
    for path, content in units.items():
        tree.write(path, content, 0o644, "root", "root")
    if disks:
        tree.link(BOOT_LINK, BOOT_UNIT)
    for name in tree.names(mounts.UNITS):
        if name.startswith(_UNIT) and name.endswith(".service") and f"{mounts.UNITS}/{name}" not in units:
            tree.remove(f"{mounts.UNITS}/{name}")
    if new != text:
        tree.write(fstab.FSTAB, new, keys=keys)


def _source() -> str:
    """The program, as Ansible has brought it here: as a file, or in an archive."""
    return importlib.util.find_spec(data_disk_program.__name__).loader.get_source(data_disk_program.__name__)
