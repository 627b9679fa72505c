# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area limits without touching another, and how to undo it."""

from __future__ import annotations

OTHER = "/etc/security/limits.d/zz-test.conf"


def line(text: str) -> tuple[str, str]:
    """Put a file that says something else beside ours."""
    return f"echo '{text}' >{OTHER}", f"rm {OTHER}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Limits"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    "ds-limits-01": line("* hard core unlimited"),
    "ds-limits-02": ("chmod 775 /etc/systemd/coredump.conf.d", "chmod 755 /etc/systemd/coredump.conf.d"),
    "x-limits-01": line("root hard core unlimited"),
    "x-limits-02": line("* hard maxlogins 50"),
}
