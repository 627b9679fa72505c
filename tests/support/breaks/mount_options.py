# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area mount_options without touching another, and how to undo it."""

from __future__ import annotations

DROP_IN = "/etc/systemd/system/tmp.mount.d/zz-hallmark.conf"


def flags(path: str, wrong: str, right: str) -> tuple[str, str]:
    """Give what is mounted other flags, and back; nothing but the flags of this one mount changes."""
    return f"mount -o remount,bind,{wrong} {path}", f"mount -o remount,bind,{right} {path}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Mounts"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = f"cp -p {DROP_IN} /root/tmp.mount.conf; cp -p /etc/fstab /root/fstab"
BREAKS: dict[str, tuple[str, str]] = {
    "os-14": flags("/dev", "exec", "noexec"),
    "os-15": flags("/run", "suid", "nosuid"),
    "os-16": flags("/run", "dev", "nodev"),
    "x-mount-01": (f"sed -i 's/,noexec//' {DROP_IN}", f"cp -p /root/tmp.mount.conf {DROP_IN}"),
    "x-mount-02": ("sed -i '/^tmpfs .dev.shm/s/,noexec//' /etc/fstab", "cp -p /root/fstab /etc/fstab"),
}
