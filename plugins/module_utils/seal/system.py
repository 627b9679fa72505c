# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
from collections.abc import Callable

# run(command) -> (exit status, output, error output), as AnsibleModule.run_command
Run = Callable[..., tuple[int, str, str]]

# These write what was just removed when the machine is switched off: the next random seed, the record of the shutdown.
# A drop-in in /run changes the units until then and is not part of the image.
SHUTDOWN_WRITERS = ("systemd-random-seed.service", "systemd-update-utmp.service")
DROP_IN = "[Service]\nExecStop=\n"
# What makes an SSH server's keys when there are none: cloud-init, or units of Fedora and its kin, Alpine, Arch.
KEY_MAKERS = (
    "usr/bin/cloud-init",
    "usr/lib/systemd/system/sshd-keygen@.service",
    "usr/lib/systemd/system/sshd-keygen.service",
    "usr/lib/systemd/system/sshdgenkeys.service",
    "usr/lib/systemd/system/ssh-keygen.service",
)
_TRIMMED = re.compile(r"^(?P<where>/.*): .*\((?P<bytes>\d+) bytes\) trimmed", re.MULTILINE)


def started_by_ansible_here(pid: int | None = None) -> bool:
    """Whether an Ansible on this very machine started this process, and not a log-in from another.

    :param pid: the process to begin with, this one by default.
    """
    pid = pid or os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
                pid = int(handle.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{pid}/cmdline", "rb") as handle:
                words = handle.read().split(b"\0")[:2]
        except (OSError, ValueError):
            return False
        if any(os.path.basename(word).startswith(b"ansible") for word in words):
            return True
    return False


def makes_host_keys(root: str = "/") -> bool:
    """Whether something on the machine will make new SSH host keys, or there is no SSH server."""
    if not os.path.exists(os.path.join(root, "usr/sbin/sshd")):
        return True
    return any(os.path.exists(os.path.join(root, path)) for path in KEY_MAKERS)


def quiet_shutdown(run: Run, run_directory: str = "/run") -> list[str]:
    """Keep systemd from writing at shutdown what was sealed.

    :returns: what went wrong.
    """
    if not os.path.isdir(os.path.join(run_directory, "systemd/system")):
        return []
    for unit in SHUTDOWN_WRITERS:
        folder = os.path.join(run_directory, "systemd/system", f"{unit}.d")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "seal.conf"), "w", encoding="utf-8") as handle:
            handle.write(DROP_IN)
    status, _output, error = run(["systemctl", "daemon-reload"])
    return [f"systemctl daemon-reload: {error.strip()}"] if status else []


def leave_logs(run: Run, run_directory: str = "/run") -> list[str]:
    """Make the writers of logs let go of their files: journald goes on in memory, rsyslog stops.

    :returns: what went wrong.
    """
    errors = []
    if os.path.isdir("/var/log/journal") and os.path.exists(os.path.join(run_directory, "systemd/journal/socket")):
        status, _output, error = run(["journalctl", "--relinquish-var"])
        if status:
            errors.append(f"journalctl --relinquish-var: {error.strip()}")
    if os.path.exists(os.path.join(run_directory, "rsyslogd.pid")):
        status, _output, error = run(["systemctl", "stop", "syslog.socket", "rsyslog.service"])
        if status:
            errors.append(f"systemctl stop rsyslog: {error.strip()}")
    return errors


def active_swaps(text: str) -> list[tuple[str, str]]:
    """Path and kind (partition, file) of each swap space that lies on a disk, from /proc/swaps."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [(row[0], row[1]) for row in rows if len(row) >= 2 and not os.path.basename(row[0]).startswith("zram")]


def wipe_swap(run: Run, path: str, kind: str) -> list[str]:
    """Take a swap space out of use, discard what it holds and format it as it was, under the same UUID and label.

    :returns: what went wrong.
    """
    output = run(["blkid", "-p", "-o", "export", path])[1]
    values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    discard = ["blkdiscard", "-f", path]
    if kind == "file":
        discard = ["fallocate", "--zero-range", "--offset", "0", "--length", str(os.path.getsize(path)), path]
    format_again = ["mkswap"]
    if values.get("UUID"):
        format_again += ["-U", values["UUID"]]
    if values.get("LABEL"):
        format_again += ["-L", values["LABEL"]]
    errors = []
    for command in (["swapoff", path], discard, [*format_again, path]):
        status, _output, error = run(command)
        if status:
            errors.append(f"{' '.join(command)}: {error.strip()}")
            if command[0] == "swapoff":
                break
    return errors


def trim(run: Run) -> dict[str, int]:
    """Tell the disks which blocks are free, where file systems and disks can.

    :returns: bytes trimmed by mount point.
    """
    os.sync()
    output = run(["fstrim", "-av"])[1]
    return {match["where"]: int(match["bytes"]) for match in _TRIMMED.finditer(output)}
