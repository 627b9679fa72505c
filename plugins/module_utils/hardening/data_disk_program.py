# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hallmark-data-disk prepare NAME: find a data disk, format it if it is empty, and have it appear below /dev.

Module data_disks writes this file into the machine, with a table of the disks, and a unit for each disk that runs it
before the disk is mounted. It uses nothing but Python's own library, udev and util-linux.

A disk is known by its serial number, by its device name in EC2's block device mapping, or by its place among the disks
that are not the system's. A place holds only until the disk is formatted: from then on its label counts, so that no
disk moves up to the place of one that is missing.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import grp
import json
import os
import pwd
import re
import struct
import subprocess
import sys
import tempfile
import time

TABLE = "/etc/hallmark/data-disks.json"
LINKS = "/dev/disk/by-hallmark"
#: Mount points whose disks are the system's.
SYSTEM = ("/", "/usr", "/boot", "/boot/efi", "/efi")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
_PCI = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_EDGE = 1 << 20  # bytes at both ends of a disk that have to be zero before it counts as empty
_POLL = 0.25  # seconds
# linux/nvme_ioctl.h: NVME_IOCTL_ADMIN_CMD, struct nvme_admin_cmd. NVMe: command Identify, of the controller.
_ADMIN_COMMAND = 0xC0484E41
_COMMAND = struct.Struct("=BBHIIIQQ10I")
_IDENTIFY, _CONTROLLER, _IDENTITY = 0x06, 1, 4096
_MODEL, _VENDOR = slice(24, 64), slice(3072, 3104)
_EBS = b"Amazon Elastic Block Store"


class DiskError(Exception):
    """One line for the administrator: which disk, which path, what is wrong."""


# --- what there is ---------------------------------------------------------------------------------------------------


def text_of(path: str) -> str:
    """A file of sysfs, stripped; empty when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("ascii", "replace").strip(" \t\n\0")
    except OSError:
        return ""


def order(place: str) -> list[str]:
    """Key that sorts places in sysfs. PCI addresses are hexadecimal and of one length, all other numbers decimal."""
    parts = place.split("/")
    return [part if _PCI.fullmatch(part) else re.sub(r"\d+", lambda found: found[0].zfill(6), part) for part in parts]


def whole_disks(sysfs: str = "/sys") -> list[str]:
    """Kernel names of the disks that can be written, in the order of their places on the buses."""
    found = []
    for name in os.listdir(f"{sysfs}/block"):
        folder = f"{sysfs}/block/{name}"
        is_disk = os.path.exists(f"{folder}/device") and text_of(f"{folder}/size") not in ("", "0")
        if is_disk and all(text_of(f"{folder}/{flag}") in ("", "0") for flag in ("ro", "removable", "hidden")):
            found.append((order(os.path.realpath(folder)), name))
    return [name for _place, name in sorted(found)]


def disks_below(number: str, sysfs: str = "/sys") -> set[str]:
    """Kernel names of the disks that block device `number` (major:minor) lies on, through partitions, LVM and RAID."""
    folder = os.path.realpath(f"{sysfs}/dev/block/{number}")
    slaves = os.listdir(f"{folder}/slaves") if os.path.isdir(f"{folder}/slaves") else []
    if slaves:
        return set().union(*(disks_below(text_of(f"{folder}/slaves/{slave}/dev"), sysfs) for slave in slaves))
    whole = os.path.dirname(folder) if os.path.exists(f"{folder}/partition") else folder
    return {os.path.basename(whole)} if os.path.isdir(folder) else set()


def system_disks(mountinfo: str, sysfs: str = "/sys") -> set[str]:
    """Kernel names of the system's disks, from the text of /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    found = set()
    for line in mountinfo.splitlines():
        fields, _dash, rest = line.partition(" - ")
        number, point, source = fields.split()[2], fields.split()[4], rest.split()[1]
        if point in SYSTEM:
            if number.startswith("0:") and source.startswith("/dev/") and os.path.exists(source):  # btrfs
                device = os.stat(source).st_rdev
                number = f"{os.major(device)}:{os.minor(device)}"
            found |= disks_below(number, sysfs)
    return found


def serials(name: str, sysfs: str = "/sys") -> set[str]:
    """Serial numbers of a disk: of virtio and NVMe, and page 80h of the vital product data of SCSI."""
    folder = f"{sysfs}/block/{name}"
    found = {text_of(f"{folder}/{file}") for file in ("serial", "device/serial")}
    with contextlib.suppress(OSError), open(f"{folder}/device/vpd_pg80", "rb") as file:
        found.add(file.read()[4:].decode("ascii", "replace").strip(" \0"))
    return found - {""}


def plain_ebs(name: str) -> str:
    """A device name of EC2 without what differs from one way to write it to the other: sdf for /dev/sdf and xvdf."""
    name = name[5:] if name.startswith("/dev/") else name
    return f"sd{name[3:]}" if name.startswith("xvd") else name


def ebs_of_identity(identity: bytes) -> str:
    """EC2's device name of an EBS volume, from what its NVMe controller tells of itself; empty for other disks."""
    if identity[_MODEL].strip() != _EBS:
        return ""
    return plain_ebs(identity[_VENDOR].partition(b"\0")[0].decode("ascii", "replace").strip())


def identify(device: str) -> bytes:
    """The answer of an NVMe disk's controller to the command Identify."""
    answer = ctypes.create_string_buffer(_IDENTITY)
    rest = (0, _IDENTITY, _CONTROLLER, 0, 0, 0, 0, 0, 0, 0)
    command = bytearray(_COMMAND.pack(_IDENTIFY, 0, 0, 0, 0, 0, 0, ctypes.addressof(answer), *rest))
    handle = os.open(device, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, _ADMIN_COMMAND, command)
    finally:
        os.close(handle)
    return answer.raw


def ebs_name(name: str) -> str:
    """EC2's device name of a disk; empty when it has none."""
    if name.startswith("nvme"):
        try:
            return ebs_of_identity(identify(f"/dev/{name}"))
        except OSError:
            return ""
    return plain_ebs(name) if name.startswith("xvd") else ""


# --- what is on a disk -----------------------------------------------------------------------------------------------


def run(*command: str) -> subprocess.CompletedProcess:
    """Run a program; its status, output and complaints."""
    return subprocess.run(
        command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def must(*command: str) -> None:
    """Run a program that has to succeed.

    :raises DiskError: with the last line of its complaints.
    """
    done = run(*command)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise DiskError(f"{' '.join(command)}: {lines[-1] if lines else f'exit status {done.returncode}'}")


def content(device: str) -> dict[str, str]:
    """What blkid sees on a disk: TYPE, LABEL, PTTYPE and others; nothing when it knows nothing of what is there."""
    done = run("blkid", "-p", "-o", "export", device)
    if done.returncode == 0:
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return {} if done.returncode == 2 else {"TYPE": "of more than one kind"}


def is_blank(device: str) -> bool:
    """Whether both ends of a disk are zero. What has no signature that blkid knows may still be somebody's data."""
    with open(device, "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        for start in (0, max(0, size - _EDGE)):
            file.seek(start)
            if any(file.read(_EDGE)):
                return False
    return True


def judge(disk: dict, seen: dict[str, str], is_empty: bool) -> bool:
    """Whether a disk is to be formatted.

    :param disk: its line of the table.
    :param seen: what blkid sees on it.
    :param is_empty: whether it is blank; what blkid sees counts more.
    :raises DiskError: when it holds anything but the file system it should.
    """
    if not seen and is_empty:
        return True
    if "PTTYPE" in seen:
        held = f"a partition table ({seen['PTTYPE']})"
    elif seen.get("TYPE") == disk["filesystem"]:
        return False
    else:
        held = f"content of type {seen['TYPE']}" if "TYPE" in seen else "data of an unknown kind"
    raise DiskError(
        f"holds {held} instead of {disk['filesystem']}. Nothing was changed. To give the disk up: wipefs -a it, and"
        " zero its first and last MiB"
    )


# --- which one it is -------------------------------------------------------------------------------------------------


def which(disk: dict) -> str:
    """How a disk is told from others, in words."""
    if disk.get("position"):
        return f"number {disk['position']} of those that are not the system's"
    return f"EBS device name {disk['ebs']}" if disk.get("ebs") else f"serial number {disk['serial']}"


def choose(disk: dict, labels: dict[str, str], every: list[dict]) -> str:
    """Of the disks in `labels`, kernel name to label in the order of their places, the one at the disk's position.

    Its label goes first. Without it, the place counts, unless the disk there carries the label of another.

    :raises DiskError: when several carry the label.
    """
    same = [name for name, label in labels.items() if label == disk["label"]]
    if len(same) > 1:
        raise DiskError(f"the label {disk['label']} is on more than one disk: {', '.join(same)}")
    if same:
        return same[0]
    at = list(labels)[disk["position"] - 1 : disk["position"]]
    others = {other["label"] for other in every if other["name"] != disk["name"]}
    return at[0] if at and labels[at[0]] not in others else ""


def find(disk: dict, every: list[dict]) -> str:
    """Kernel name of a disk of the table `every`; empty when it is not there.

    :raises DiskError: when it cannot be told which one it is.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        system = system_disks(file.read())
    names = [name for name in whole_disks() if name not in system]
    if disk.get("position"):
        return choose(disk, {name: content(f"/dev/{name}").get("LABEL", "") for name in names}, every)
    if disk.get("ebs"):
        found = [name for name in names if ebs_name(name) == plain_ebs(disk["ebs"])]
    else:
        found = [name for name in names if disk["serial"] in serials(name)]
    if len(found) > 1:
        raise DiskError(f"more than one disk has it: {', '.join(found)}")
    return found[0] if found else ""


# --- what is done to it ----------------------------------------------------------------------------------------------


def format_disk(disk: dict, device: str) -> None:
    """Make the file system, and give its top folder owner, permissions and the SELinux label of its mount point."""
    owner, group = disk["owner"], disk["group"]
    uid = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    os.close(os.open(device, os.O_RDWR | os.O_EXCL))  # fails when something of the kernel has it: a mount, LVM, RAID
    # A new disk reads as zeros; to discard it block by block first may take minutes.
    quiet = ["-F", "-E", "nodiscard"] if disk["filesystem"] == "ext4" else ["-K"]
    must(f"mkfs.{disk['filesystem']}", "-q", *quiet, "-L", disk["label"], device)
    top = tempfile.mkdtemp(prefix="hallmark-", dir="/run")
    try:
        must("mount", "-t", disk["filesystem"], device, top)
        try:
            os.chown(top, uid, gid)
            os.chmod(top, int(disk["mode"], 8))
            with contextlib.suppress(OSError):  # no SELinux here
                os.setxattr(top, "security.selinux", os.getxattr(disk["path"], "security.selinux"))
        finally:
            must("umount", top)
    finally:
        os.rmdir(top)


def publish(disk: dict, name: str) -> None:
    """Have udev keep a link to the disk below /dev, until the next boot."""
    place = os.path.realpath(f"/sys/block/{name}")[len("/sys") :]
    rule = f'SUBSYSTEM=="block", ENV{{DEVTYPE}}=="disk", DEVPATH=="{place}", SYMLINK+="{LINKS[5:]}/{disk["name"]}"\n'
    file = f"/run/udev/rules.d/61-hallmark-{disk['name']}.rules"
    link = f"{LINKS}/{disk['name']}"
    if os.path.realpath(link) == f"/dev/{name}" and text_of(file) == rule.strip():
        return
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "w", encoding="ascii") as out:
        out.write(rule)
    must("udevadm", "control", "--reload")
    must("udevadm", "trigger", "--action=change", "--settle", f"--name-match=/dev/{name}")
    if os.path.realpath(link) != f"/dev/{name}":
        raise DiskError(f"{link} does not lead to /dev/{name}: another disk claims it")


def prepare(disk: dict, every: list[dict], timeout: float) -> str:
    """Bring a disk to be mounted; what was done, in words.

    :raises DiskError: when it cannot be.
    """
    deadline = time.monotonic() + timeout
    run("udevadm", "settle", f"--timeout={timeout}")
    name = find(disk, every)
    while not name and time.monotonic() < deadline:
        time.sleep(_POLL)
        name = find(disk, every)
    if not name:
        raise DiskError(f"no such disk after {timeout} s. The system goes on without it")
    device = f"/dev/{name}"
    seen = content(device)
    try:
        is_new = judge(disk, seen, not seen and is_blank(device))
        if is_new:
            format_disk(disk, device)
    except (DiskError, OSError, KeyError) as error:
        raise DiskError(f"{device}: {error}") from None
    publish(disk, name)
    return f"{device}: {'was empty and is formatted with' if is_new else 'holds'} {disk['filesystem']}"


def main(words: list[str]) -> int:
    """Be the program; its exit status."""
    with open(TABLE, encoding="utf-8") as file:
        table = json.load(file)
    disks = {disk["name"]: disk for disk in table["disks"]}
    if len(words) != 2 or words[0] != "prepare" or words[1] not in disks:
        sys.stderr.write(f"usage: hallmark-data-disk prepare {'|'.join(disks)}\n")
        return 2
    disk = disks[words[1]]
    title = f"data disk {disk['name']} ({which(disk)}) for {disk['path']}"
    try:
        with open(f"/run/hallmark-data-disk-{disk['name']}.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time: systemd's, and the one of whoever runs it by hand
            sys.stdout.write(f"{title}: {prepare(disk, table['disks'], table['timeout'])}\n")
    except (DiskError, OSError) as error:
        level = "<3>" if os.environ.get("INVOCATION_ID") else ""  # sd-daemon(3): an error, for the journal
        sys.stderr.write(f"{level}{title}: not mounted: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
