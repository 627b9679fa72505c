# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area boot without touching another, and how to undo it."""

from __future__ import annotations

#: The class of the check file that the machine's answer is read into.
FACTS = "Boot"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    # The copy keeps its time, which says whether the running kernel must show the arguments.
    "x-boot-01": (
        "cp -p /boot/grub/grub.cfg /root/grub.cfg; sed -i 's/ slab_nomerge//' /boot/grub/grub.cfg",
        "cat /root/grub.cfg >/boot/grub/grub.cfg; touch -r /root/grub.cfg /boot/grub/grub.cfg; rm /root/grub.cfg",
    ),
    "x-boot-03": (
        "echo 'GRUB_CMDLINE_LINUX_DEFAULT=apparmor=0' >/etc/default/grub.d/zz-test.cfg",
        "rm /etc/default/grub.d/zz-test.cfg",
    ),
}
