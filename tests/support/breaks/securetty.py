# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area securetty without touching another, and how to undo it."""

from __future__ import annotations

UNITS = "/etc/systemd/system"


def drop_in(unit: str, command: str) -> tuple[str, str]:
    """Have a unit run something else, by a drop-in that systemd does not read before it is told to."""
    folder = f"{UNITS}/{unit}.d"
    text = f"[Service]\\nExecStart=\\nExecStart=-{command}\\n"
    return (
        f"mkdir -p {folder}; printf '{text}' >{folder}/zzz-test.conf",
        f"rm {folder}/zzz-test.conf; rmdir --ignore-fail-on-non-empty {folder}",
    )


#: The class of the check file that the machine's answer is read into.
FACTS = "Console"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = "cp -p /etc/shadow /root/securetty-shadow"
BREAKS: dict[str, tuple[str, str]] = {
    "ds-securetty-01": ("echo tty7 >>/etc/securetty", "sed -i '/^tty7$/d' /etc/securetty"),
    # A hash that no password has.
    "x-securetty-01": ("usermod -p '$6$none$none' root", "cp -p /root/securetty-shadow /etc/shadow"),
    "x-securetty-02": drop_in("serial-getty@ttyS0.service", "/sbin/agetty --autologin root --keep-baud 115200 ttyS0"),
    "x-securetty-03": drop_in("rescue.service", "/bin/bash"),
}
