# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area ssh without touching another, and how to undo it."""

from __future__ import annotations


def say(*lines: str) -> tuple[str, str]:
    """Say it in a file that sshd reads before ours; the running sshd is not told."""
    path = "/etc/ssh/sshd_config.d/00-a.conf"
    return f"printf '%s\\n' {' '.join(repr(line) for line in lines)} >{path}", f"rm {path}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Sshd"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    "x-ssh-01": say("PermitRootLogin prohibit-password"),
    "x-ssh-02": say("Match User nobody", "PasswordAuthentication yes"),
    "x-ssh-03": say("AllowTcpForwarding local"),
    "x-ssh-04": say("MaxStartups 10:30:100"),
    "x-ssh-05": say("ClientAliveCountMax 0"),
    "x-ssh-06": say("MACs +hmac-sha1"),
    "x-ssh-07": say("LogLevel INFO"),
    "x-ssh-09": ("sed -i '1i UsePAM yes' /etc/ssh/sshd_config", "sed -i 1d /etc/ssh/sshd_config"),
}
