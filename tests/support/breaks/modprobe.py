# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area modprobe without touching another, and how to undo it."""

from __future__ import annotations

OWN = "/etc/modprobe.d/dev-sec.conf"
OTHER = "/etc/modprobe.d/zz-test.conf"
BACK = f"cp -p /root/modprobe.conf {OWN}"  # with its time: the initramfs must not look old


def unlist(module: str) -> tuple[str, str]:
    """Take a module off the list."""
    return f"sed -i '/ {module}\\( \\|$\\)/d' {OWN}", BACK


#: The class of the check file that the machine's answer is read into.
FACTS = "Modules"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = f"cp -p {OWN} /root/modprobe.conf"
BREAKS: dict[str, tuple[str, str]] = {
    "os-10": unlist("cramfs"),
    "ds-modprobe-01": unlist("sctp"),
    "ds-modprobe-02": (f"echo 'blacklist ext4' >{OTHER}", f"rm {OTHER}"),
    "ds-modprobe-03": (f"chmod 600 {OWN}", f"chmod 644 {OWN}"),
    "x-modprobe-01": unlist("usb-storage"),
    "x-modprobe-02": unlist("floppy"),
    "x-modprobe-03": (f"sed -i '/^blacklist udf$/d' {OWN}", BACK),
}
