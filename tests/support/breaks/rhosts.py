# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area rhosts without touching another, and how to undo it."""

from __future__ import annotations

#: Home of user man, too deep in the file tree for os-09.
HOME = "/var/cache/man"


def file(path: str) -> tuple[str, str]:
    """Put an empty file there and take it away."""
    return f"mkdir -p {path.rpartition('/')[0]}; touch {path}", f"rm {path}"


#: The class of the check file that the machine's answer is read into.
FACTS = "Trust"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = ""
BREAKS: dict[str, tuple[str, str]] = {
    "os-01": file("/etc/hosts.equiv"),
    "os-09": file("/srv/.NetRC"),
    "ds-rhosts-01": file(f"{HOME}/.rhosts"),
    "ds-netrc-01": file(f"{HOME}/.netrc"),
    "x-rhosts-01": file("/etc/ssh/shosts.equiv"),
    "x-rhosts-02": (
        "echo HostbasedAuthentication yes >/etc/ssh/sshd_config.d/00-a.conf",
        "rm /etc/ssh/sshd_config.d/00-a.conf",
    ),
}
