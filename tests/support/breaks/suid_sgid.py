# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area suid_sgid without touching another, and how to undo it."""

from __future__ import annotations

KEYSIGN = "/usr/lib/openssh/ssh-keysign"
# cap_net_admin, permitted and effective (struct vfs_cap_data, version 2).
ADMIN = "0100000200100000000000000000000000000000"

#: The class of the check file that the machine's answer is read into.
FACTS = "SetId"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: Breaking these changes what a sweep of the file systems finds, so that there must be another.
SWEPT = {"os-06", "x-suid-01", "x-suid-04"}
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    "os-06": (f"chmod 4755 {KEYSIGN}", f"chmod 0755 {KEYSIGN}"),
    "x-suid-01": ("install -m 4755 /bin/true /usr/local/bin/test-program", "rm /usr/local/bin/test-program"),
    "x-suid-03": (
        f"dpkg-statoverride --quiet --remove {KEYSIGN}",
        f"dpkg-statoverride --add root root 0755 {KEYSIGN}",
    ),
    "x-suid-04": (
        "install -m 0755 /bin/true /usr/local/bin/test-program; python3 -c 'import os; os.setxattr("
        f'"/usr/local/bin/test-program", "security.capability", bytes.fromhex("{ADMIN}"))\'',
        "rm /usr/local/bin/test-program",
    ),
}
